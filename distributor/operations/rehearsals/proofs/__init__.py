"""Proofs: letters composed, pages and feeds built, all of it read again before anything leaves; nothing is written."""
