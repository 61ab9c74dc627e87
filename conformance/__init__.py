"""The judge: checks, monitors and properties against any server or client, never by means of the reference implementation."""
