"""What the commands of `touchstone` do: targets and configuration in, records and reports out, with progress meanwhile.

The only package that knows all the others. `touchstone.py` parses the command line and calls it.
"""
