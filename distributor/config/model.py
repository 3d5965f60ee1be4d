"""The settings as frozen values, shape-checked; meanings are parsed by the room that owns them.

`when`, `rate`, addresses and durations stay the strings that staff wrote: `scheduling`, `delivery` and
`operations` parse them and report against the line that `Settings.line_of` names. Every field is a documented
key of distributor.toml (docs/reference/settings.md, tested).
"""

from datetime import date
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from distributor.identifiers import ListName, ScheduleId, SectionId

KeyPath = tuple[str | int, ...]


class _Table(BaseModel):
    """One table of the file: unknown keys are faults, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Publication(_Table):
    """The periodical: its names, language, zone, public address and footer."""

    name: Annotated[str, Field(min_length=1, max_length=60)]
    organisation: Annotated[str, Field(max_length=120)] = ""
    language: Literal["zh-CN", "en"] = "zh-CN"
    timezone: str = "Asia/Shanghai"
    base_url: str
    sender: str
    address: str = ""
    operators: tuple[str, ...] = ()
    founded: date


class Section(_Table):
    """A named topic; the file's order is the reading order."""

    id: SectionId
    title: Annotated[str, Field(min_length=1, max_length=20)]
    colour: Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")] | None = None


class Email(_Table):
    """How much of an issue one mail carries; `max_html_kb` counts 1,000 bytes of decoded HTML."""

    body: Literal["full", "digest", "fit"] = "fit"
    max_html_kb: Annotated[int, Field(ge=20, le=500)] = 95


class Delivery(_Table):
    """Where copies go, and what becomes of a copy whose acceptance SMTP left unknown.

    `window` copies are marked as being sent at once on a connection; so many may be unknown for each after a crash.
    """

    transport: Literal["smtp", "outbox"] = "smtp"
    on_uncertain: Literal["resend", "hold"] = "resend"
    window: Annotated[int, Field(ge=1, le=16)] = 1


class Smtp(_Table):
    """One mail server: smtps:// TLS, smtp:// STARTTLS required, smtp+plaintext:// none (same host only)."""

    url: str
    password_file: str | None = None
    connections: Annotated[int, Field(ge=1, le=64)] = 4
    messages_per_connection: Annotated[int, Field(ge=1)] | None = None
    rate: tuple[str, ...] = ()
    return_path: Literal["sender", "verp"] = "sender"
    sign: bool = True
    headers: dict[str, str] = {}


class Limit(_Table):
    """What the provider behind these domains bears, whichever server a copy goes by; at least one limit is given."""

    domains: Annotated[tuple[str, ...], Field(min_length=1)]
    connections: Annotated[int, Field(ge=1, le=64)] | None = None
    messages_per_connection: Annotated[int, Field(ge=1)] | None = None
    rate: tuple[str, ...] = ()


class Dkim(_Table):
    """Our signature: its domain, the name of its DNS record, and the private key's file, from the workspace."""

    domain: str
    selector: str
    key_file: str


class MailingList(_Table):
    """A list of subscribers, kept in subscribers/<name>.csv."""

    name: ListName
    title: Annotated[str, Field(min_length=1, max_length=40)]


class Pilot(_Table):
    """Who gets an issue first, and how long the others wait after that, so that what it shows can be mended."""

    list: ListName
    hold: str


class Schedule(_Table):
    """A rule that names slots; exactly one of `when` and `cron` is given."""

    id: ScheduleId
    when: str | None = None
    cron: str | None = None
    lists: Annotated[tuple[ListName, ...], Field(min_length=1)]
    sections: Literal["preferred"] | tuple[SectionId, ...] = "preferred"
    empty: Literal["skip", "notice", "full"] = "skip"
    body: Literal["full", "digest", "fit"] | None = None
    holiday: Literal["send", "previous_workday", "next_workday", "skip"] = "next_workday"
    catch_up: str = "12h"
    max_age: str = "10d"
    approval: bool = False
    pilot: Pilot | None = None
    remind: str | None = None
    enabled: bool = True


class Web(_Table):
    """The pages that every mail links to; `none` when no server is reachable from outside."""

    mode: Literal["public", "none"] = "public"
    listen: str = "127.0.0.1:8080"
    deploy: str = ""


class Database(_Table):
    """Where the ledger lives; a relative SQLite path counts from the workspace."""

    url: str = "sqlite:///var/distributor.db"


class Settings(_Table):
    """The whole file. `section`, `list`, `smtp`, `limit` and `schedule` repeat; their order is kept."""

    schema_: Annotated[Literal[1], Field(alias="schema")]
    publication: Publication
    section: Annotated[tuple[Section, ...], Field(min_length=1, max_length=12)]
    email: Email = Email()
    delivery: Delivery = Delivery()
    smtp: tuple[Smtp, ...] = ()
    limit: tuple[Limit, ...] = ()
    dkim: Dkim | None = None
    list: tuple[MailingList, ...] = ()
    schedule: tuple[Schedule, ...] = ()
    web: Web = Web()
    database: Database = Database()


class Secrets(_Table):
    """What the environment or secrets/ holds; shown by no repr. SMTP passwords are in the servers' order."""

    smtp_passwords: tuple[SecretStr | None, ...] = ()


class Places(_Table):
    """Where each key stands in the file, so that any room can name the line of a fault."""

    model_config = ConfigDict(arbitrary_types_allowed=True, frozen=True)

    path: str
    lines: MappingProxyType[KeyPath, int]

    def line_of(self, *key: str | int) -> int | None:
        """Return the line of a key such as ("schedule", 0, "when"), else of its nearest parent."""
        for length in range(len(key), 0, -1):
            if key[:length] in self.lines:
                return self.lines[key[:length]]
        return None
