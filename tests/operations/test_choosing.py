from datetime import date, timedelta
from pathlib import Path
from typing import Literal

import pytest

from distributor.content.loader import IssueFolder
from distributor.identifiers import issue_id
from distributor.operations.choosing import Window, choose_issue

FRIDAY = date(2015, 7, 10)
WINDOW = Window(day=FRIDAY, first_seen=date(2015, 1, 1), max_age=timedelta(days=10))


def folder(number: int, day: date | None = FRIDAY, status: Literal["draft", "ready"] | None = "ready") -> IssueFolder:
    identifier = issue_id(2015, number)
    return IssueFolder(
        id=identifier, number=number, year=2015, path=Path("content") / identifier, date=day, status=status, problems=()
    )


def test_newest_ready_issue_goes() -> None:
    choice = choose_issue([folder(54, date(2015, 7, 3)), folder(55)], set(), WINDOW)

    assert choice.issue == folder(55)
    assert [identifier for identifier, _why in choice.passed_over] == ["2015-054"]


def test_number_decides_between_issues_of_one_day() -> None:
    assert choose_issue([folder(56), folder(55)], set(), WINDOW).issue == folder(56)


@pytest.mark.parametrize(
    ("issue", "why"),
    [
        (folder(55, status="draft"), "草稿"),
        (folder(55, status=None), "草稿"),
        (folder(55, None), "日期"),
        (folder(55, date(2015, 7, 11)), "还没到"),
        (folder(55, date(2015, 6, 29)), "max_age"),
        (folder(55, date(2014, 12, 31)), "max_age"),
    ],
)
def test_issue_that_may_not_go_is_named_with_the_reason(issue: IssueFolder, why: str) -> None:
    choice = choose_issue([issue], set(), WINDOW)

    assert choice.issue is None
    assert why in choice.passed_over[0][1].zh


def test_issue_older_than_the_schedule_itself_waits_for_a_person() -> None:
    young = Window(day=FRIDAY, first_seen=FRIDAY, max_age=timedelta(days=10))

    choice = choose_issue([folder(54, date(2015, 7, 9))], set(), young)

    assert choice.issue is None
    assert "distributor send 2015-054" in choice.passed_over[0][1].zh


def test_oldest_day_that_max_age_allows_still_goes() -> None:
    assert choose_issue([folder(54, date(2015, 6, 30))], set(), WINDOW).issue is not None


def test_launched_issue_never_goes_again_and_is_not_mentioned() -> None:
    choice = choose_issue([folder(55)], {issue_id(2015, 55)}, WINDOW)

    assert choice.issue is None
    assert choice.passed_over == ()
