"""Two and three daemons on one calendar, one killed every few hundred milliseconds: every slot goes, and goes once."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from tests.daemons.weeks import Trial, Week, evening_before, trial, weeks
from tests.smtp_journal_server import JournalServer, journal_server

CONNECTIONS = 4
AUTUMN = date(2021, 9, 17)
"""Before Mid-Autumn and National Day: Fridays off, and two slots that a holiday moves onto one morning."""
FIRST_OF_200 = date(2023, 1, 27)

Tally = Callable[..., None]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[JournalServer]:
    with journal_server(tmp_path) as running:
        yield running


@pytest.fixture
def office(tmp_path: Path, server: JournalServer, database_url: URL) -> Trial:
    url = database_url.render_as_string(hide_password=False).replace("+aiosqlite", "")
    return trial(tmp_path, server, url)


def live(office: Trial, calendar: tuple[Week, ...]) -> Counter[tuple[int, str]]:
    """Live through these weeks and return how often each issue reached each reader."""
    with office.going(evening_before(calendar[0])):
        office.live_through(calendar)
        office.settle()
    return office.copies()


def expected(calendar: tuple[Week, ...]) -> set[tuple[int, str]]:
    return {pair for week in calendar for pair in week.expected}


@pytest.mark.slow
@pytest.mark.parametrize("daemons", [2, 3])
def test_no_slot_is_skipped_or_sent_twice_while_daemons_are_killed(office: Trial, daemons: int) -> None:
    calendar = weeks(AUTUMN, 6)
    office.daemons = daemons

    copies = live(office, calendar)

    assert copies.keys() == expected(calendar)
    assert copies.total() - len(copies) <= office.kills * CONNECTIONS
    assert office.kills > len(calendar)
    assert office.launches() == {"everyone": 6, "partners": 5}


@pytest.mark.soak
def test_soak_of_two_hundred_weeks(office: Trial, soak_tally: Tally) -> None:
    calendar = weeks(FIRST_OF_200, 200)

    copies = live(office, calendar)

    lost = expected(calendar) - copies.keys()
    extra = copies.total() - len(copies)
    soak_tally("200 weeks, two daemons", kills=office.kills, losses=len(lost), duplicates=extra)
    assert copies.keys() == expected(calendar)
    assert extra <= office.kills * CONNECTIONS
    assert office.launches() == {
        "everyone": 200,
        "partners": sum(week.goes_on == week.friday for week in calendar),
    }
