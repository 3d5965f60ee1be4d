"""The last plan of a mailing is kept without addresses and compared with the next one."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from distributor.identifiers import EditionKey, ListName
from distributor.operations.rehearsals import past_plans
from distributor.operations.rehearsals.past_plans import Movement, PastEdition, PlanRecord
from tests.conftest import FRIDAY_NINE

POLICY, MARKET = EditionKey("policy"), EditionKey("market")
MEMBERS, PUBLIC = ListName("members"), ListName("public")
BEFORE = PlanRecord(
    name="2015-055-lists-members",
    at=FRIDAY_NINE,
    start=FRIDAY_NINE,
    finish=None,
    editions={POLICY: PastEdition(subject="一", html_bytes=1000, content="aa")},
    readers={(POLICY, (MEMBERS,)): frozenset({"r1", "r2"})},
)


def test_plan_is_read_back_as_it_was_kept(tmp_path: Path) -> None:
    record = replace(BEFORE, finish=FRIDAY_NINE + timedelta(hours=1))

    past_plans.keep(tmp_path, record)

    assert past_plans.last(tmp_path, record.name) == record


def test_plan_of_another_mailing_is_not_compared_with(tmp_path: Path) -> None:
    past_plans.keep(tmp_path, BEFORE)

    assert past_plans.last(tmp_path, "2015-056-lists-members") is None


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"form": 99}', '{"form": 1}', "\x00"])
def test_kept_plan_that_cannot_be_read_counts_as_none(tmp_path: Path, text: str) -> None:
    past_plans.keep(tmp_path, BEFORE)
    (tmp_path / "plans" / f"{BEFORE.name}.json").write_text(text, encoding="utf-8")

    assert past_plans.last(tmp_path, BEFORE.name) is None


def test_kept_plan_is_for_its_owner_alone(tmp_path: Path) -> None:
    past_plans.keep(tmp_path, BEFORE)

    assert (tmp_path / "plans" / f"{BEFORE.name}.json").stat().st_mode & 0o077 == 0


def test_nothing_changed_is_an_empty_difference() -> None:
    assert past_plans.compare(BEFORE, replace(BEFORE, at=FRIDAY_NINE + timedelta(days=1))).is_empty


CHANGES = {
    "a reader came": {"readers": {(POLICY, (MEMBERS,)): frozenset({"r1", "r2", "r3"})}},
    "a reader changed lists": {
        "readers": {(POLICY, (MEMBERS,)): frozenset({"r1"}), (POLICY, (PUBLIC,)): frozenset({"r2"})}
    },
    "the text changed": {"editions": {POLICY: PastEdition(subject="一", html_bytes=1000, content="bb")}},
    "it starts later": {"start": FRIDAY_NINE + timedelta(hours=1)},
    "a limit holds it back": {"finish": FRIDAY_NINE + timedelta(hours=1)},
}


@pytest.mark.parametrize("changes", CHANGES.values(), ids=list(CHANGES))
def test_any_change_is_a_difference(changes: dict[str, object]) -> None:
    assert not past_plans.compare(BEFORE, replace(BEFORE, **changes)).is_empty  # type: ignore[arg-type]


def test_what_goes_at_once_is_no_other_plan_for_being_asked_later() -> None:
    hour, ahead = timedelta(hours=1), timedelta(days=1, seconds=1)
    before = replace(BEFORE, finish=FRIDAY_NINE + hour)
    later = replace(before, at=FRIDAY_NINE + ahead, start=FRIDAY_NINE + ahead, finish=FRIDAY_NINE + ahead + hour)

    assert past_plans.compare(before, later).is_empty
    assert not past_plans.compare(before, replace(later, finish=FRIDAY_NINE + ahead + 2 * hour)).is_empty


def test_reader_who_changed_editions_left_one_and_came_to_the_other() -> None:
    readers = {(POLICY, (MEMBERS,)): frozenset({"r1"}), (MARKET, (MEMBERS,)): frozenset({"r2", "r3"})}
    market = PastEdition(subject="二", html_bytes=2000, content="cc")

    found = past_plans.compare(BEFORE, replace(BEFORE, readers=readers, editions={MARKET: market}))

    assert found.readers == Movement(added=1, left=0, now=3)
    assert found.changed_edition == 1
    assert found.editions == {
        POLICY: Movement(added=0, left=1, now=1),
        MARKET: Movement(added=2, left=0, now=2),
    }
    assert [(one.edition, one.kind, one.bytes_before, one.bytes_now) for one in found.contents] == [
        (MARKET, "new", 0, 2000),
        (POLICY, "gone", 1000, 0),
    ]
