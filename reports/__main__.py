"""Prints the JSON Schema of records: `python -m reports > reports/records.schema.json`.

With a page of Markdown, writes the reference of records into that: `python -m reports docs/records.md`.
"""

import sys
from pathlib import Path

import msgspec

from reports.records import schema
from reports.records_page import fill

if sys.argv[1:]:
    for page in map(Path, sys.argv[1:]):
        page.write_text(fill(page.read_text("utf-8"), schema()), "utf-8")
else:
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(schema()), indent=2).decode() + "\n")
