"""Figures about speed, each a ratio to a peer that was measured in alternation (`docs/performance.md`)."""
