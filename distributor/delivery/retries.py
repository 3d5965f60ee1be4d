"""When a copy is tried again, and when a server is.

Pure; randomness is an argument. A deferred copy waits 5, 15 and 45 minutes (past the usual greylist), then 2, 4
and 8 hours, then every 8 hours, each wait moved by up to a fifth so that copies deferred together do not return
together. After 48 hours of trying it expires: a weekly is stale by then (RFC 5321 §4.5.4.1 asks 4 to 5 days of
mail in general). Only trying counts: the time in which we ourselves let a due copy wait is added to its start.
"""

import random
from datetime import datetime, timedelta

WAITS = tuple(timedelta(minutes=minutes) for minutes in (5, 15, 45, 120, 240, 480))
TRIED_FOR = timedelta(hours=48)
JITTER = 0.2
SERVER_WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 30))
CRASH_LIMIT = 3
"""A copy that was in hand at this many crashes may be what brings us down: it stops going first."""
CRASH_WAIT = timedelta(hours=1)


def wait_after(tries: int, randomness: random.Random) -> timedelta:
    """Return how long a copy waits after its try number `tries` (from 1)."""
    wait = WAITS[min(tries, len(WAITS)) - 1]
    return wait * randomness.uniform(1 - JITTER, 1 + JITTER)


def next_try(*, tries: int, trying_since: datetime, now: datetime, randomness: random.Random) -> datetime | None:
    """Return when a copy is due again after try number `tries`; None when its 48 hours are over.

    The last wait is cut short, so that the last try falls on the end of the 48 hours and not before it.
    """
    end = trying_since + TRIED_FOR
    if now >= end:
        return None
    return min(now + wait_after(tries, randomness), end)


def trying_since(*, first_tried_at: datetime | None, due_at: datetime, now: datetime) -> datetime:
    """Return where the 48 hours of a copy begin, moved on by the time that it was due and we did not try."""
    if first_tried_at is None:
        return now
    return min(first_tried_at + max(now - due_at, timedelta(0)), now)


def due_after_crash(*, tries: int, now: datetime) -> datetime:
    """Return when a copy found in hand after a crash goes again: at once, later when it keeps happening."""
    return now if tries < CRASH_LIMIT else now + CRASH_WAIT


def rest_of_server(faults: int) -> timedelta:
    """Return how long a server is left alone after its fault number `faults` (from 1) in a row."""
    return SERVER_WAITS[min(faults, len(SERVER_WAITS)) - 1]
