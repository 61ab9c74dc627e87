"""The judge of clients: a scripted server that a client under test talks to, and what its words are judged by.

The transcript, its monitors, the catalogue and the verdicts are those of servers: here the target's words are the
client's, and ours are the server's.
"""
