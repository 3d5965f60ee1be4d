"""What readers' providers bear: the `[[limit]]` tables as destinations that share one count.

Pure: the tables enter, `Destination`s leave, or all faults with their lines. A provider counts all of its domains
together and does not care which of our servers a copy came by. So a destination's permits stand in one scope,
`domain:<its first domain>`, beside the scopes of the servers, and a copy goes when both allow it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from distributor import addresses
from distributor.config.model import KeyPath, Limit, Places
from distributor.delivery.pacing import Rate, parse_rates
from distributor.problems import Problem, Wording, wording

_Found = tuple[KeyPath, Wording, Wording]


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where readers' mail ends up: the domains that one provider's limit counts together, else one domain.

    `domains` are A-labels in lower case, at least one, in the file's order; so many `connections` of all
    processes are busy with them at the same time, whatever the server, each for `messages_per_connection` copies.
    None: no limit.
    """

    domains: tuple[str, ...]
    connections: int | None = None
    messages_per_connection: int | None = None
    rates: tuple[Rate, ...] = ()

    @property
    def scope(self) -> str:
        """Under which its permits are counted; the same after more domains were added behind the first."""
        return f"domain:{self.domains[0]}"

    @property
    def name(self) -> str:
        """What people are shown: `qq.com, foxmail.com`."""
        return ", ".join(self.domains)

    @property
    def is_limited(self) -> bool:
        """Whether anything holds copies for it back."""
        return bool(self.connections or self.messages_per_connection or self.rates)


class Destinations:
    """All domains there are, sorted into destinations: the limited ones, and one for each other domain."""

    def __init__(self, limited: Sequence[Destination] = ()) -> None:
        """Take the limited ones, no domain of which stands in two."""
        self.limited = tuple(limited)
        self._by_domain = {domain: one for one in limited for domain in one.domains}

    def of(self, domain: str) -> Destination:
        """Return where mail for a domain (A-labels, lower case) ends up: the same object for it every time."""
        found = self._by_domain.get(domain)
        if found is None:
            found = self._by_domain[domain] = Destination(domains=(domain,))
        return found


def parse_limits(limits: Sequence[Limit], places: Places) -> tuple[tuple[Destination, ...], tuple[Problem, ...]]:
    """Read the `[[limit]]` tables, in order; destinations are whole only where there is no problem."""
    destinations: list[Destination] = []
    problems: list[Problem] = []
    seen: dict[str, int] = {}
    for index, limit in enumerate(limits):
        rates, found = parse_rates(limit.rate, path=places.path, line=places.line_of("limit", index, "rate"))
        domains, faults = _domains(limit, index, seen)
        if limit.connections is None and limit.messages_per_connection is None and not limit.rate:
            faults.append((("limit", index), *_LIMITS_NOTHING))
        problems += found
        problems += [
            Problem(path=places.path, line=places.line_of(*key), what=what, remedy=remedy)
            for key, what, remedy in faults
        ]
        if domains:
            destinations.append(
                Destination(
                    domains=domains,
                    connections=limit.connections,
                    messages_per_connection=limit.messages_per_connection,
                    rates=rates,
                )
            )
    return tuple(destinations), tuple(problems)


def _domains(limit: Limit, index: int, seen: dict[str, int]) -> tuple[tuple[str, ...], list[_Found]]:
    """Return the table's usable domains, each noted in `seen`, and a fault for each other one."""
    domains: list[str] = []
    faults: list[_Found] = []
    for place, text in enumerate(limit.domains):
        key: KeyPath = ("limit", index, "domains", place)
        domain = _domain(text)
        if domain is None:
            faults.append((key, wording(f"不是域名：{text!r}", f"not a domain: {text!r}"), _EXAMPLE))
        elif domain in seen:
            faults.append((key, *_twice(domain, seen[domain], index)))
        else:
            seen[domain] = index
            domains.append(domain)
    return tuple(domains), faults


def _domain(text: str) -> str | None:
    # Read by the gate that addresses pass, so that both sides of the comparison have one form.
    address = addresses.parse_address(f"x@{text}")
    return address.domain if address is not None else None


def _twice(domain: str, first: int, second: int) -> tuple[Wording, Wording]:
    if first == second:
        what = wording(f"域名写了两次：{domain}", f"{domain} stands twice")
    else:
        what = wording(
            f"{domain} 已经在第 {first + 1} 个 [[limit]] 里", f"{domain} is already in [[limit]] number {first + 1}"
        )
    return what, wording("一个域名只能在一个 [[limit]] 里，删去一处", "keep it in one [[limit]] and remove the other")


_EXAMPLE = wording('只写 @ 后面的部分，例如 "qq.com"', 'write what follows the @, such as "qq.com"')
_LIMITS_NOTHING = (
    wording("这个 [[limit]] 什么也没有限制", "this [[limit]] limits nothing"),
    wording(
        "加上 connections、messages_per_connection 或 rate，或删去它",
        "add connections, messages_per_connection or rate, or remove it",
    ),
)
