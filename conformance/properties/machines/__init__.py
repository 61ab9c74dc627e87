"""What is done one after the other: sessions, conversations side by side, walks through pages, tools as a model."""
