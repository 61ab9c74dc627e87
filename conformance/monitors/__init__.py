"""Judges of all traffic, whatever check or property caused it."""
