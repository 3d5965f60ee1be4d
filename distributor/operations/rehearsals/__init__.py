"""Rehearsals: the audience counted, every edition in use rendered and proofread, compared with the last time."""
