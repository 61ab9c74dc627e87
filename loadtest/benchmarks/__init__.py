"""Measurements of our own speed, as ratios within one run."""
