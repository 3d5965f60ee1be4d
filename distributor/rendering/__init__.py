"""Editions to renditions, feeds and pages; no subscriber is known here."""
