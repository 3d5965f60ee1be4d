"""SPF: whether a domain has one record, and whether receivers can walk it with the ten lookups they allow.

A domain and a lookup enter, a `Walk` leaves. It counts as a receiver would at worst, every mechanism in turn; which
addresses pass is not asked, because a relay's own way out is not known here. Rules: RFC 7208 §4.5, §4.6.4, §5.2, §6.1.
"""

import re
from dataclasses import dataclass

from distributor.operations.examinations.nameservers import Lookup

MOST_LOOKUPS = 10
_VERSION = re.compile(r"v=spf1(?: |$)", re.IGNORECASE)
_TERM = re.compile(
    r"[+?~-]?(?P<name>include|a|mx|ptr|exists|redirect)(?:[:=](?P<target>[^/]+))?(?:/[\d/]+)?", re.IGNORECASE
)
_INTO = ("include", "redirect")


@dataclass(slots=True, kw_only=True)
class Walk:
    """What a receiver meets: the records of the domain itself, the lookups, and names that should have a record."""

    records: tuple[str, ...] = ()
    lookups: int = 0
    without_record: tuple[str, ...] = ()

    @property
    def lets_everybody_pass(self) -> bool:
        """Whether the record ends in +all."""
        return any(term.lower() in ("all", "+all") for record in self.records for term in record.split())


async def walk_spf(domain: str, lookup: Lookup) -> Walk:
    """Read the domain's record and those it names, until the count is over. Raises EnvironmentFault."""
    walk = Walk(records=await _records(domain, lookup))
    waiting = list(walk.records) if len(walk.records) == 1 else []
    while waiting and walk.lookups <= MOST_LOOKUPS:
        for term in waiting.pop().split()[1:]:
            waiting += await _follow(term, walk, lookup)
    return walk


async def _records(domain: str, lookup: Lookup) -> tuple[str, ...]:
    return tuple(record for record in await lookup(domain, "TXT") if _VERSION.match(record))


async def _follow(term: str, walk: Walk, lookup: Lookup) -> tuple[str, ...]:
    """Count one term, and return the record that it leads into."""
    match = _TERM.fullmatch(term)
    if match is None:
        return ()
    walk.lookups += 1
    target = match["target"] or ""
    # A target with a macro depends on the mail; a domain that includes itself ends at the limit.
    if match["name"].lower() not in _INTO or "%" in target or walk.lookups > MOST_LOOKUPS:
        return ()
    found = await _records(target, lookup)
    if len(found) != 1:
        walk.without_record += (target,)
        return ()
    return found
