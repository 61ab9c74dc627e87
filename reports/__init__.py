"""The one data model of a run, and its renderings. Imports none of the other packages."""
