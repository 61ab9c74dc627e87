"""A scripted authorization server and the protected server beside it, towards which a client authorizes itself.

They do no I/O and know no clock. What a client does wrong is noted in the transcript and served all the same where it
can be, so that one mistake does not hide what comes after it. Tokens are opaque: nothing here signs anything.
"""
