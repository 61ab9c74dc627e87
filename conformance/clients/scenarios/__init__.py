"""What a client meets, one file a scenario. Every `Scenario` at the top of a module here is played."""
