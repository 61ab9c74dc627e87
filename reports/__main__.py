"""Prints the JSON Schema of records: `python -m reports > reports/records.schema.json`."""

import sys

import msgspec

from reports.records import schema

sys.stdout.write(msgspec.json.format(msgspec.json.encode(schema()), indent=2).decode() + "\n")
