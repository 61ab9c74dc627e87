"""The clients that are measured, each a program of its own: ours, and the same calls on the official SDK.

A program connects, writes `ready`, and then for each line of its input, which says how many seconds, calls a tool as
often as it can and writes how often that was.
"""
