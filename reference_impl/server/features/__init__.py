"""The server's side of each page of the specification: one module, one feature, functions from params to result."""
