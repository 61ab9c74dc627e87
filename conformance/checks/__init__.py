"""The checks, one file for a page of the specification; each declares itself on import."""
