"""What an edit of the settings changed, key by key, fit for a log: secrets and what may hold one are never shown.

Pure. Two workspaces enter, the one in use and the one to come; `Change`s leave, by key. Tables that repeat are told
apart by what names them (`schedule[weekly].when`), so that a new one on top does not change all below it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

from distributor.config.model import Settings
from distributor.delivery.signing import Signer
from distributor.operations.workspace import Workspace
from distributor.scheduling.workdays import WorkCalendar

AFTER_RESTART = ("web.listen", "database.url")
"""What an open socket and an open database cannot follow."""
_NAMES: Mapping[str, tuple[str, ...]] = {
    "section": ("id",),
    "list": ("name",),
    "schedule": ("id",),
    "smtp": ("url",),
    "limit": ("domains",),
}
_HIDDEN = ("database.url", "web.deploy")
_ABSENT = "-"
_MOST_DAYS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One key: what it said and what it says; `-` where it was or is absent, empty texts where it must not be shown."""

    key: str
    before: str
    after: str

    @property
    def text(self) -> str:
        """The change on one line: `schedule[weekly].when: a -> b`."""
        return f"{self.key}: {self.before} -> {self.after}" if self.before or self.after else f"{self.key}: changed"


def differences(old: Workspace, new: Workspace) -> tuple[Change, ...]:
    """Return what the settings, the secrets, the signing key and the office's days off say otherwise now, by key."""
    return (
        *_between(_flat(old.settings), _flat(new.settings)),
        *_secrets(old, new),
        *_days(old.workdays, new.workdays),
    )


def _between(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for key in [*after, *(key for key in before if key not in after)]:
        if before.get(key) == after.get(key):
            continue
        if key in _HIDDEN or ".headers" in key:
            yield Change(key=key, before="", after="")
        else:
            yield Change(key=key, before=_shown(before.get(key)), after=_shown(after.get(key)))


def _flat(settings: Settings) -> dict[str, Any]:
    """Return every key that says something with its value; keys are as staff write them."""
    return dict(_leaves("", settings.model_dump(by_alias=True, exclude_none=True)))


def _leaves(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(f"{place}.{key}" if place else key, inner)
    elif isinstance(value, tuple) and value and isinstance(value[0], dict):
        for table in value:
            yield from _leaves(f"{place}[{_name(place, table)}]", table)
    elif value not in ({}, ()):
        yield place, value


def _name(place: str, table: Mapping[str, Any]) -> str:
    named = table[_NAMES[place][0]]
    return ",".join(named) if isinstance(named, tuple) else str(named)


def _shown(value: Any) -> str:
    if value is None:
        return _ABSENT
    if isinstance(value, tuple):
        return f"[{', '.join(_shown(one) for one in value)}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _secrets(old: Workspace, new: Workspace) -> Iterator[Change]:
    passwords = {server.url: secret for server, secret in _passwords(old)}
    for server, secret in _passwords(new):
        if server.url in passwords and passwords[server.url] != secret:
            yield Change(key=f"smtp[{server.url}] password", before="", after="")
    if old.signer is not None and new.signer is not None and _public(old.signer) != _public(new.signer):
        yield Change(key="dkim private key", before="", after="")


def _public(signer: Signer) -> RSAPublicNumbers:
    return signer.key.public_key().public_numbers()


def _passwords(workspace: Workspace) -> Iterator[tuple[Any, Any]]:
    return zip(workspace.settings.smtp, workspace.config.secrets.smtp_passwords, strict=True)


def _days(old: WorkCalendar, new: WorkCalendar) -> Iterator[Change]:
    for key, before, after in (("off", old.off, new.off), ("work", old.work, new.work)):
        if before != after:
            yield Change(key=f"holidays.toml {key}", before=_list(before - after), after=_list(after - before))


def _list(days: frozenset[date]) -> str:
    shown = [day.isoformat() for day in sorted(days)]
    more = f", … ({len(shown)})" if len(shown) > _MOST_DAYS else ""
    return f"[{', '.join(shown[:_MOST_DAYS])}{more}]"
