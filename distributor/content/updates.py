"""The two header values of a change after publication: when it was made, and the note about it.

Pure. `updated` is a day, with the minute where a machine wrote it: `2015-07-17 14:30`, local to the publication. A
correction is `day | note`; one without a day belongs to the day of `updated`.
"""

import datetime as dt
import re

from distributor.content.findings import Objection
from distributor.content.model import Correction
from distributor.content.values import clean
from distributor.problems import wording
from distributor.times import parse_date

_TIMED = re.compile(
    r"(?P<day>.+?)(?:(?:\s+|T|(?<=[日号]))(?P<hour>\d{1,2})\s*[:：]\s*(?P<minute>\d{2}))?", re.ASCII | re.DOTALL
)
_BAR = re.compile(r"\s*[|｜]\s*")


def parse_update(written: str) -> tuple[dt.date, dt.time | None] | None:
    """Read 2015-07-17, 2015-07-17 14:30 or 2015年7月17日 14：30; None for anything else, 25:00 too."""
    match = _TIMED.fullmatch(written.strip())
    day = parse_date(match["day"]) if match else None
    if match is None or day is None:
        return None
    if match["hour"] is None:
        return day, None
    try:
        return day, dt.time(int(match["hour"]), int(match["minute"]))
    except ValueError:
        return None


def update_text(day: dt.date, time: dt.time | None) -> str:
    """Return 2015-07-17, or 2015-07-17 14:30 where the minute is known."""
    return day.isoformat() if time is None else f"{day.isoformat()} {time:%H:%M}"


def parse_correction(written: str, without_day: dt.date) -> Correction:
    """Read `2015-07-17 | note`; a note that does not begin with a day and a bar belongs to `without_day`."""
    parts = _BAR.split(written, maxsplit=1)
    day = parse_date(parts[0]) if len(parts) == 2 else None
    return Correction(on=day, note=parts[1]) if day and parts[1] else Correction(on=without_day, note=written)


def correction_text(correction: Correction) -> str:
    """Return `2015-07-17 | note`, as it stands in a header."""
    return f"{correction.on.isoformat()} | {correction.note}"


def note_objection(note: str) -> Objection | None:
    """Say why a text cannot be the note of a correction, or None."""
    if not clean(note):
        what = wording("更正说明是空的", "the note of the correction is empty")
        return Objection(what=what, remedy=wording("写一句读者看得懂的话：原来错在哪里", "say what was wrong"))
    if not clean(note).isprintable():
        what = wording("更正说明里有换行或控制字符", "a line break or a control character in the note")
        return Objection(what=what, remedy=wording("写成一行", "write it on one line"))
    return None
