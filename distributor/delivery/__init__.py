"""Copies to readers: composed, claimed, sent and accounted for, one ledger row each."""
