"""Publish a periodical by email and feed; see docs/architecture.md for the house plan."""

__version__ = "0.1.0"
