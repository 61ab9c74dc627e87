"""The servers that are measured, each a program of its own: ours, and the same tool on the peers."""
