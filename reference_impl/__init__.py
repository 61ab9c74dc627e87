"""The Model Context Protocol, sans-IO, and one honest implementation of each role."""
