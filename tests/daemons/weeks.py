"""Weeks that pass in a second while daemons are killed: the calendar to expect, the clock, and who holds the gun.

The expected dates come from `chinese_calendar` alone; what went is read from the journal of the SMTP server.
"""

import asyncio
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import chinese_calendar

from distributor.operations import worker
from distributor.operations.office import open_office
from distributor.operations.workspace import open_workspace
from tests.daemons.keepers import FileClock
from tests.offices import write_issue, write_list, write_workspace
from tests.smtp_journal_server import JournalServer

ROOT = Path(__file__).parents[2]
ZONE = ZoneInfo("Asia/Shanghai")
MEMBERS = ("one@example.com", "two@example.com", "three@example.com")
PARTNERS = ("four@example.org", "five@example.org")
PATIENCE = 120.0
"""Seconds for everything of one slot to arrive while the killing goes on."""
MINUTE = timedelta(minutes=1)
HASTE = timedelta(hours=6)
"""For so long a minute of the calendar passes at every look, and a second after that."""

_SCHEDULES = """
[[schedule]]
id = "everyone"
when = "每周五 09:00"
lists = ["members"]
holiday = "next_workday"

[[schedule]]
id = "partners"
when = "每周五 09:00"
lists = ["public"]
holiday = "skip"
"""
_SUBJECT = re.compile(r"第 ?(\d+) ?期")


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """A Friday with its issue; it goes to members on `goes_on`, to partners only where the Friday is worked."""

    number: int
    friday: date

    @property
    def goes_on(self) -> date:
        day = self.friday
        while not chinese_calendar.is_workday(day):
            day += timedelta(days=1)
        return day

    @property
    def expected(self) -> frozenset[tuple[int, str]]:
        readers = MEMBERS if self.goes_on != self.friday else MEMBERS + PARTNERS
        return frozenset((self.number, reader) for reader in readers)


def evening_before(week: Week) -> datetime:
    """Return when schedules are first seen: nothing older is back-filled."""
    return datetime(week.friday.year, week.friday.month, week.friday.day, tzinfo=ZONE) - timedelta(hours=4)


def weeks(first: date, count: int) -> tuple[Week, ...]:
    assert first.weekday() == 4
    return tuple(Week(number=index + 1, friday=first + timedelta(weeks=index)) for index in range(count))


@dataclass(slots=True)
class Trial:
    """A workspace whose daemons share one clock; time passes only when somebody moves it."""

    root: Path
    clock: Path
    server: JournalServer
    seed: int = 1
    daemons: int = 2
    kills: int = 0
    is_killing: bool = True
    _forker: subprocess.Popen[str] | None = None
    _alive: list[int] = field(default_factory=list)
    _next_kill: float = 0.0
    _random: random.Random = field(default_factory=random.Random)

    def set_clock(self, moment: datetime) -> None:
        fresh = self.clock.with_suffix(".new")
        fresh.write_text(str(moment.timestamp()), encoding="ascii")
        fresh.replace(self.clock)

    @contextmanager
    def going(self, moment: datetime) -> Iterator[None]:
        """Keep the daemons alive, each time another one, while the block lasts."""
        self._random.seed(self.seed)
        self.set_clock(moment)
        asyncio.run(_beat(self.root, self.clock))
        command = [sys.executable, "-m", "tests.daemons.keepers", str(self.root), str(self.clock)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as forker:
            self._forker = forker
            try:
                self._alive = [self._spawn() for _ in range(self.daemons)]
                yield
            finally:
                for daemon in self._alive:
                    _kill(daemon)
                forker.kill()

    def pass_by(self, seconds: float = 0.02) -> None:
        """Let real time pass, and kill whoever's hour has come."""
        time.sleep(seconds)
        if self.is_killing and time.monotonic() >= self._next_kill:
            self._next_kill = time.monotonic() + self._random.uniform(0.2, 0.6)
            chosen = self._random.randrange(len(self._alive))
            _kill(self._alive[chosen])
            self.kills += 1
            self._alive[chosen] = self._spawn()

    def lose_one(self, death: str) -> None:
        """Let one more daemon live until it kills itself at that line of a launch."""
        daemon = self._spawn(death)
        until = time.monotonic() + PATIENCE
        while _is_alive(daemon):
            assert time.monotonic() < until, f"nothing came to {death}"
            time.sleep(0.02)

    def add_one(self) -> None:
        """Let one more daemon live from now on."""
        self._alive.append(self._spawn())

    def _spawn(self, death: str = "") -> int:
        assert self._forker is not None
        assert self._forker.stdin is not None
        assert self._forker.stdout is not None
        self._forker.stdin.write(f"spawn {death}\n")
        self._forker.stdin.flush()
        return int(self._forker.stdout.readline())

    def copies(self) -> Counter[tuple[int, str]]:
        """Return how often each issue reached each reader, by the journal; letters to operators are none."""
        readers = MEMBERS + PARTNERS
        taken = [found for found in self.server.taken if found["recipient"] in readers]
        return Counter((_number(found["subject"]), found["recipient"]) for found in taken)

    def launches(self) -> dict[str, int]:
        """Return how many issues each audience got, by the journal."""
        audiences = {"everyone": MEMBERS, "partners": PARTNERS}
        arrived = self.arrived()
        return {name: len({issue for issue, reader in arrived if reader in who}) for name, who in audiences.items()}

    def wait_for(self, wanted: frozenset[tuple[int, str]]) -> None:
        """Wait until everything wanted has arrived."""
        until = time.monotonic() + PATIENCE
        while not wanted <= self.arrived():
            self.pass_by()
            assert time.monotonic() < until, f"{sorted(wanted - self.arrived())} did not arrive"

    def settle(self) -> None:
        """Let a day pass, so that whatever would go once too often has gone."""
        now = datetime.fromtimestamp(float(self.clock.read_text(encoding="ascii")), ZONE)
        for hour in range(24):
            self.set_clock(now + hour * timedelta(hours=1))
            self.pass_by(0.1)

    def arrived(self) -> frozenset[tuple[int, str]]:
        """Return which issue reached whom, by the journal."""
        return frozenset(self.copies())

    def live_through(self, calendar: Sequence[Week]) -> None:
        """Let the slots of these weeks come, the earliest first; each has its time until its copies are there."""
        by_day: dict[date, list[Week]] = defaultdict(list)
        for week in calendar:
            by_day[week.goes_on].append(week)
            if week.goes_on != week.friday:
                by_day[week.friday] += []
        for day, due in sorted(by_day.items()):
            self._live(day, due)

    def _live(self, day: date, due: Sequence[Week]) -> None:
        nine = datetime(day.year, day.month, day.day, 9, tzinfo=ZONE)
        for week in due:
            self.write(week)
        self.set_clock(nine - MINUTE)
        self.pass_by()
        now, until = nine, time.monotonic() + PATIENCE
        wanted = frozenset().union(*(week.expected for week in due))
        while True:
            self.set_clock(now)
            self.pass_by()
            # What has nothing to send must have its chance to send something wrong.
            if wanted <= self.arrived() and (wanted or now > nine + 10 * MINUTE):
                return
            # Not beyond `catch_up`, however slow the machine is: what is missed by our own haste proves nothing.
            now += MINUTE if now < nine + HASTE else timedelta(seconds=1)
            missing = wanted - self.arrived()
            assert time.monotonic() < until, f"{day}: {sorted(missing)} did not arrive until {now}"

    def write(self, week: Week) -> None:
        """Write the issue of that week, and forget one of long ago."""
        for old in (self.root / "content").glob(f"*-{week.number - 4:03d}"):
            shutil.rmtree(old)
        write_issue(self.root, week.number, date=week.friday.isoformat(), sections=("policy",))


def trial(folder: Path, server: JournalServer, database: str, *, seed: int = 1) -> Trial:
    """Set a workspace up with two schedules: members after holidays, partners not at all on them."""
    root = write_workspace(
        folder / "office",
        changes={
            'transport = "smtp"': 'transport = "smtp"',
            'url = "sqlite:///var/distributor.db"': f'url = "{database}"',
            "127.0.0.1:8080": f"127.0.0.1:{_free_port()}",
        },
    )
    settings = (root / "distributor.toml").read_text(encoding="utf-8")
    before, _, after = settings.partition("[[schedule]]")
    rest = after[after.index("\n[") :]
    relay = f'\n[[smtp]]\nurl = "smtp+plaintext://127.0.0.1:{server.port}"\nsign = false\n'
    (root / "distributor.toml").write_text(before + _SCHEDULES + relay + rest, encoding="utf-8")
    write_list(root, "members", dict.fromkeys(MEMBERS, ""))
    write_list(root, "public", dict.fromkeys(PARTNERS, ""))
    return Trial(root=root, clock=folder / "clock", server=server, seed=seed)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


async def _beat(root: Path, clock: Path) -> None:
    async with open_office(open_workspace(root, FileClock(clock), {})) as office:
        await worker.tick(office)


def _number(subject: str) -> int:
    found = _SUBJECT.search(subject)
    assert found, subject
    return int(found[1])


def _is_alive(daemon: int) -> bool:
    try:
        os.kill(daemon, 0)
    except ProcessLookupError:
        return False
    return True


def _kill(daemon: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(daemon, signal.SIGKILL)
