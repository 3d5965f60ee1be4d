"""What came of a try, turned into what the ledger writes.

Pure; randomness is part of the `Policy`. A `Result` comes in with the row it is about; out come the new values of
that row and, unless the copy was simply taken at its first try, an attempt row. The text of a server is foreign:
it is cleaned here, once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any, Literal

import sqlalchemy as sa

from distributor.delivery import retries
from distributor.delivery.model import Accepted, Deferred, Outcome, Refused, Reply, State, Stored, Uncertain
from distributor.identifiers import DeliveryId

NEVER = datetime(9999, 1, 1, tzinfo=UTC)
"""The due moment of an uncertain copy that waits for a person."""

OnUncertain = Literal["resend", "hold"]
TEXT_LIMIT = 500
_FINAL: Mapping[type[Accepted | Stored | Refused], State] = {
    Accepted: "accepted",
    Stored: "stored",
    Refused: "refused",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of one try: `server` is the transport's name, `at` the moment the outcome was known."""

    delivery: DeliveryId
    outcome: Outcome
    server: str
    message_id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How results turn into states: what to do when acceptance is unknown, and the jitter of waits."""

    on_uncertain: OnUncertain
    randomness: Random


def settled(row: sa.Row[Any], result: Result, policy: Policy) -> dict[str, Any]:
    """Return the new values of a delivery row (`row` is its id) after one try."""
    tries, at = _tries(row), result.at
    since = retries.trying_since(first_tried_at=row.first_tried_at, due_at=row.due_at, now=at)
    again = retries.next_try(tries=tries, trying_since=since, now=at, randomness=policy.randomness)
    state, due_at = _state(result.outcome, again, policy.on_uncertain)
    reply = _reply(result.outcome)
    return {
        "row": row.id,
        "state": state,
        "attempts": tries,
        "due_at": due_at or row.due_at,
        "first_tried_at": since,
        "lease_until": None,
        "server": result.server,
        "message_id": result.message_id,
        "accepted_at": at if isinstance(result.outcome, (Accepted, Stored)) else None,
        "last_code": reply.code,
        "last_text": clean_text(reply.text),
    }


def is_success(result: Result) -> bool:
    """Say whether the copy was taken, at whichever try."""
    return isinstance(result.outcome, (Accepted, Stored))


TAKEN_AT_FIRST = ("state", "accepted_at", "message_id", "last_code", "last_text")
"""What is written about a copy that was taken at its first try; its server stands there since the intent."""


def taken_at_first(result: Result) -> dict[str, Any]:
    """Return those values of a copy, and its `row`."""
    reply = _reply(result.outcome)
    return {
        "row": result.delivery,
        "state": _FINAL[type(result.outcome)],  # type: ignore[index]  # the caller asked is_success
        "accepted_at": result.at,
        "message_id": result.message_id,
        "last_code": reply.code,
        "last_text": clean_text(reply.text),
    }


def crashed(row: sa.Row[Any], result: Result, on_uncertain: OnUncertain) -> dict[str, Any]:
    """Return the new values of a row that was found in `sending` after its lease; it keeps its claim."""
    tries = row.attempts + 1
    again = retries.due_after_crash(tries=tries, now=result.at)
    return {
        "row": row.id,
        "state": "uncertain",
        "attempts": tries,
        "due_at": NEVER if on_uncertain == "hold" else again,
        "first_tried_at": row.first_tried_at or result.at,
        "lease_until": None,
        "last_code": None,
        "last_text": _reply(result.outcome).text,
    }


def attempted(row: sa.Row[Any], result: Result, *, late: bool = False) -> dict[str, Any]:
    """Return the attempt row of a try; `late` says that the row was somebody else's by then."""
    reply = _reply(result.outcome)
    return {
        "delivery": row.id,
        "number": _tries(row),
        "at": result.at,
        "server": result.server,
        "outcome": type(result.outcome).__name__.lower(),
        "code": reply.code,
        "enhanced": reply.enhanced,
        "text": clean_text(f"(after the claim was lost) {reply.text}" if late else reply.text),
    }


def is_plain_success(row: sa.Row[Any], result: Result) -> bool:
    """Say whether a copy was taken at its first try, so that its delivery row tells all there is."""
    return isinstance(result.outcome, (Accepted, Stored)) and row.attempts == 0


def clean_text(text: str) -> str:
    """Return a server's words fit for storage: one line, printable, at most 500 characters."""
    kept = text if text.isprintable() else "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(kept.split())[:TEXT_LIMIT]


def _tries(row: sa.Row[Any]) -> int:
    # Recovery has counted the try of a row that it put to uncertain.
    return int(row.attempts) + (0 if row.state == "uncertain" else 1)


def _reply(outcome: Outcome) -> Reply:
    return Reply(code=None, text=outcome.file) if isinstance(outcome, Stored) else outcome.reply


def _state(outcome: Outcome, again: datetime | None, on_uncertain: OnUncertain) -> tuple[State, datetime | None]:
    """Return the state that an outcome leads to and when the copy is due then (None: its due moment stays)."""
    if isinstance(outcome, Deferred):
        return ("deferred", again) if again else ("expired", None)
    if isinstance(outcome, Uncertain):
        return "uncertain", NEVER if on_uncertain == "hold" or again is None else again
    return _FINAL[type(outcome)], None
