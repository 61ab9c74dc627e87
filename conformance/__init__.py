"""The judge: checks, monitors and properties against any server or client.

It never speaks through the reference implementation: it works on raw bytes and plain JSON values.
"""
