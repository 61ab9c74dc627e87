"""Judges of what clients say, one file a subject."""
