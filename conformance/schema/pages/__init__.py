"""The message types as data, one TOML file for each group of pages; `conformance.schema.notation` is their notation."""
