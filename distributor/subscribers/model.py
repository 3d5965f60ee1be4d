"""The words of the subscriber room: rows of a list file, what a sync would change, and one reader as seen.

Values only. A list file is staff's word about who belongs to a list; the reader's own word (unsubscribed, left a
list, chose sections) stands above it, and a suppression above both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from distributor.addresses import Address
from distributor.identifiers import EmailKey, ListName, PublicId, SectionSet, SubscriberId
from distributor.problems import Problem
from distributor.subscribers.packing import Packed

Format = Literal["html", "text"]
Actor = Literal["list", "reader", "operator"]
SuppressionReason = Literal["unsubscribed", "removed", "bounced", "complained", "erased"]
Status = Literal["active", "ended", "unsubscribed", "removed", "bounced", "complained", "erased"]
"""A suppression's reason, else `active` where the reader is on some list, else `ended`."""

StaffField = Literal["address", "name", "sections", "format"]
Verdict = Literal[
    "added",
    "rejoined",
    "ended",
    "changed",
    "adopted",
    "kept",
    "elsewhere",
    "unsubscribed",
    "blocked",
]
ACTING: tuple[Verdict, ...] = ("added", "rejoined", "ended", "changed", "adopted")
"""The verdicts that change the database; the others say why a row changes nothing."""

# A file that lost more of its rows than this waits for a person: it is more often a slip than a wish.
LARGEST_LOSS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRow:
    """One good row of a list file; `line` counts from 1, `sections` None is all."""

    line: int
    address: Address
    key: EmailKey
    name: str
    sections: SectionSet
    format: Format


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedList:
    """A list file as read: the good rows, one per mailbox in file order, and every problem in line order.

    `refused` means that the whole file cannot be used; then there are no rows. `set_aside` are mailboxes that
    stand only in faulty rows: nobody is added for them and nobody's membership ends. `columns` are the optional
    columns that the file has: a missing one leaves what is stored. `digest` changes with the bytes of the file
    and with the configured sections.
    """

    list: ListName
    path: str
    rows: Packed[ListRow]
    set_aside: frozenset[EmailKey]
    columns: frozenset[StaffField]
    encoding: str
    problems: tuple[Problem, ...]
    digest: str
    refused: bool

    @property
    def row_count(self) -> int:
        """How many mailboxes the file names, those in faulty rows included."""
        return len(self.rows) + len(self.set_aside)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a sync says about one person.

    `subscriber` is None for a person not known yet. `fields` names what differs: for `changed` what will be stored,
    for `kept` and `elsewhere` what stays although the file says otherwise; empty for `kept` where it is the
    membership that stays.
    """

    verdict: Verdict
    key: EmailKey
    address: str
    subscriber: SubscriberId | None = None
    fields: tuple[StaffField, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LastSync:
    """The file that a list was last synced from."""

    digest: str
    rows: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ListDifference:
    """What applying a list file would change; changes are in file order, then the ended ones by address.

    One person may appear twice: `changed` for the name and `kept` for the sections.
    `members` counts whom an earlier file brought in and the list still holds. `counts` says how many people each
    verdict concerns; verdicts that concern nobody read as 0.
    """

    parsed: ParsedList
    last: LastSync | None
    members: int
    changes: Sequence[Change]
    counts: Mapping[Verdict, int]

    @property
    def changes_anything(self) -> bool:
        """Whether applying would change a person; the digest alone is no change."""
        return any(self.counts[verdict] for verdict in ACTING)

    @property
    def is_new_file(self) -> bool:
        """Whether this file (or the sections it is read with) differs from the one last synced."""
        return self.last is None or self.last.digest != self.parsed.digest

    @property
    def lost(self) -> float:
        """The share of its people that the list would lose, 0.0 to 1.0, by members or by rows of the file."""
        ended = self.counts["ended"] / self.members if self.members else 0.0
        rows = 1 - self.parsed.row_count / self.last.rows if self.last and self.last.rows else 0.0
        return max(ended, rows, 0.0)

    @property
    def held(self) -> bool:
        """Whether a person must decide first, because over a fifth of the list would be lost."""
        return self.lost > LARGEST_LOSS

    def of(self, verdict: Verdict) -> tuple[Change, ...]:
        """Return the changes with this verdict, in the same order."""
        return tuple(change for change in self.changes if change.verdict == verdict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberView:
    """One reader as the preference page and `subscribers show` see them; lists are in alphabetical order.

    `lists` are those the reader is on, `left` those the reader left and may join again. `chosen_by` says whose
    word the sections are.
    """

    subscriber: SubscriberId
    public_id: PublicId
    key: EmailKey
    address: str
    masked: str
    name: str
    format: Format
    sections: SectionSet
    chosen_by: Actor
    lists: tuple[ListName, ...]
    left: tuple[ListName, ...]
    status: Status
    suppressed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a reader asks for on the preference page; `lists` None leaves the lists as they are."""

    sections: SectionSet
    lists: frozenset[ListName] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSubscriber:
    """Whom an operator adds to a list.

    `reason` is the operator's ground for subscribing somebody who is suppressed or left the list by their own
    word ("asked by letter of 9 July"); without one such a person is refused.
    """

    address: Address
    list: ListName
    name: str = ""
    sections: SectionSet = None
    format: Format = "html"
    source: str = "operator"
    reason: str = ""

    def as_row(self) -> ListRow:
        """Return the person as a row of a list file would name them; it stands on no line."""
        return ListRow(
            line=0,
            address=self.address,
            key=self.address.key,
            name=self.name,
            sections=self.sections,
            format=self.format,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """What became of adding one person: `rejoined` for one whom the database knew already.

    `refused_for` says whose word stands against it; `view` is the reader afterwards, None when unknown.
    """

    outcome: Literal["added", "rejoined", "already", "refused"]
    view: SubscriberView | None
    refused_for: SuppressionReason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """An address that must not be mailed, why, by whose word and since when."""

    key: EmailKey
    reason: SuppressionReason
    source: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRecord:
    """One line of the append-only record of what a reader agreed to or withdrew."""

    action: str
    source: str
    detail: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ListCount:
    """How many people a list holds: `mailable` get mail, `suppressed` are on it but must not, `ended` left."""

    list: ListName
    mailable: int
    suppressed: int
    ended: int
