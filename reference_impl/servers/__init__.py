"""Reference servers that people run and copy."""
