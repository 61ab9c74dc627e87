"""The reference pages of the documentation, written from what they are about: `python -m door.reference FOLDER`."""
