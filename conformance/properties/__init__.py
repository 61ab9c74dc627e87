"""Property-based testing: strategies for arguments, messages and framings, and what may be expected of each."""
