"""Servers of several libraries under the same load: `python -m loadtest.benchmarks.comparison --cache DIR`."""
