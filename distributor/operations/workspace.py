"""A workspace with everything that needs no database: settings parsed by their rooms, templates, site, calendar.

The composition root's first half. Enters: a folder, a clock, the environment. Leaves: a `Workspace` whose every value
is right, or one ConfigError with all faults of distributor.toml and holidays.toml together.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from distributor import addresses
from distributor.addresses import Address, Mailbox
from distributor.config import loader
from distributor.config.loader import Config
from distributor.config.model import Publication, Schedule, Section, Settings
from distributor.content.model import Issue
from distributor.content.sources import read_text
from distributor.delivery.limits import Destinations, parse_limits
from distributor.delivery.model import Channel
from distributor.delivery.pacing import Rate, parse_rates
from distributor.delivery.return_path import return_path_problems
from distributor.delivery.servers import Server, parse_server
from distributor.delivery.signing import Signer
from distributor.errors import ConfigError, InputError
from distributor.identifiers import ListName, ScheduleId
from distributor.operations.defaults import templates_folder
from distributor.operations.keys import read_signer
from distributor.problems import Problem, faults, in_reading_order, wording
from distributor.rendering.templates import Templates
from distributor.rendering.urls import Site, site_of
from distributor.scheduling.configured import parse_schedule
from distributor.scheduling.holidays import parse_holidays
from distributor.scheduling.model import ScheduleRule
from distributor.scheduling.overlaps import Configured, overlaps
from distributor.scheduling.workdays import WorkCalendar
from distributor.times import Clock, parse_zone

HOLIDAYS = "holidays.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """What staff decided and wrote, ready to use; `servers` and their `rates` are in the file's order.

    `destinations` know what readers' providers bear; `signer` is None where the settings name no key. `warnings` are
    what stops nothing and should be known: `check`, `schedule` and `doctor` show them.
    """

    root: Path
    config: Config
    clock: Clock
    zone: ZoneInfo
    sender: Mailbox
    operators: tuple[Address, ...]
    site: Site
    templates: Templates
    workdays: WorkCalendar
    rules: tuple[ScheduleRule, ...]
    servers: tuple[Server, ...]
    rates: tuple[tuple[Rate, ...], ...]
    destinations: Destinations
    signer: Signer | None
    warnings: tuple[Problem, ...] = ()

    @property
    def settings(self) -> Settings:
        """The settings as staff wrote them."""
        return self.config.settings

    @property
    def publication(self) -> Publication:
        """The periodical."""
        return self.settings.publication

    @property
    def sections(self) -> tuple[Section, ...]:
        """The sections in reading order."""
        return self.settings.section

    @property
    def channel(self) -> Channel:
        """Where copies go, as configured."""
        return self.settings.delivery.transport

    @property
    def today(self) -> date:
        """The publication's local date."""
        return self.clock.now().astimezone(self.zone).date()

    @property
    def var(self) -> Path:
        """The folder of everything that is made, never edited."""
        return self.root / "var"

    @property
    def public(self) -> Path:
        """The archive and the feeds."""
        return self.var / "public"

    @property
    def outbox(self) -> Path:
        """The Maildir of copies that stay on this host."""
        return self.var / "outbox"

    @property
    def list_names(self) -> tuple[ListName, ...]:
        """The configured lists, in the file's order."""
        return tuple(entry.name for entry in self.settings.list)

    def list_file(self, name: ListName) -> Path:
        """Return the file of a list."""
        return self.root / "subscribers" / f"{name}.csv"

    def schedule(self, schedule: ScheduleId) -> Schedule:
        """Return the schedule of that id; the caller has it from the settings or from a rule."""
        return next(entry for entry in self.settings.schedule if entry.id == schedule)

    def shown(self, path: Path) -> str:
        """Return a path as messages name it: from the workspace, where it lies inside."""
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)

    def section_titles(self, issue: Issue) -> str:
        """Return the titles of an issue's sections, joined for one line."""
        return "、".join(section.title for section in self.sections if section.id in issue.sections)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parsed:
    """The settings as their rooms read them; what a room refused is left out."""

    sender: Mailbox | None
    schedules: tuple[Configured, ...]
    servers: tuple[Server, ...]
    rates: tuple[tuple[Rate, ...], ...]
    destinations: Destinations
    signer: Signer | None


def open_workspace(root: Path, clock: Clock, environment: Mapping[str, str]) -> Workspace:
    """Read and parse everything that staff decided. Raises ConfigError with all faults; safe to repeat."""
    reading = loader.read(root, environment)
    problems = list(reading.problems)
    zone = _zone(reading.config)
    workdays = _workdays(root, clock.now().astimezone(zone).date(), problems)
    if reading.config is None:
        raise _refused(problems)
    config = reading.config
    parsed = _parse(config, reading.incomplete, zone, problems)
    if not reading.incomplete & {"list", "schedule"}:
        problems += overlaps(parsed.schedules, config.places, workdays, clock.now())
    problems += _nobody_to_tell(config)
    if parsed.sender is None or faults(problems):
        raise _refused(problems)
    return Workspace(
        root=root,
        config=config,
        clock=clock,
        zone=zone,
        sender=parsed.sender,
        operators=tuple(
            address for text in config.settings.publication.operators if (address := addresses.parse_address(text))
        ),
        site=site_of(config.settings.publication),
        templates=Templates((root / "templates", templates_folder())),
        workdays=workdays,
        rules=tuple(one.rule for one in parsed.schedules),
        servers=parsed.servers,
        rates=parsed.rates,
        destinations=parsed.destinations,
        signer=parsed.signer,
        warnings=in_reading_order(problems),
    )


def _refused(problems: Sequence[Problem]) -> ConfigError:
    return ConfigError(_SUMMARY, problems=in_reading_order(faults(problems)))


def _zone(config: Config | None) -> ZoneInfo:
    """Return the publication's zone; where it is at fault, one to look at the rest with."""
    zone = parse_zone(config.settings.publication.timezone) if config else None
    return zone or ZoneInfo("Asia/Shanghai")


def _parse(config: Config, incomplete: Collection[str], zone: ZoneInfo, problems: list[Problem]) -> _Parsed:
    """Let every room read its tables; faults go to `problems`. Tables with stand-ins are left alone, schedules not."""
    settings, places = config.settings, config.places
    sender = addresses.parse_mailbox(settings.publication.sender)
    servers, rates = ((), ()) if "smtp" in incomplete else _servers(config, problems)
    limited, found_in_limits = parse_limits(() if "limit" in incomplete else settings.limit, places)
    problems += found_in_limits
    signer = None
    if sender is not None and not {"smtp", "publication", "dkim"} & set(incomplete):
        signer, found_in_key = read_signer(config.root, settings, places)
        problems += [*found_in_key, *return_path_problems(settings.smtp, sender.address, places)]
    rules = [parse_schedule(entry, index, places, zone) for index, entry in enumerate(settings.schedule)]
    problems += [problem for rule in rules if not isinstance(rule, ScheduleRule) for problem in rule]
    schedules = [
        Configured(index=index, schedule=entry, rule=rule)
        for index, (entry, rule) in enumerate(zip(settings.schedule, rules, strict=True))
        if isinstance(rule, ScheduleRule)
    ]
    return _Parsed(
        sender=sender,
        schedules=tuple(schedules),
        servers=servers,
        rates=rates,
        destinations=Destinations(limited),
        signer=signer,
    )


def _servers(config: Config, problems: list[Problem]) -> tuple[tuple[Server, ...], tuple[tuple[Rate, ...], ...]]:
    """Return the servers and their rates in the file's order; what is wrong with them goes to `problems`."""
    places = config.places
    servers: list[Server] = []
    rates: list[tuple[Rate, ...]] = []
    for index, table in enumerate(config.settings.smtp):
        password = config.secrets.smtp_passwords[index]
        if password is None and table.password_file is not None:
            # Its file was reported; that the server wants a password is no second fault.
            password = _UNREADABLE
        server, found = parse_server(table, password=password, index=index, places=places)
        limits, found_in_rate = parse_rates(table.rate, path=places.path, line=places.line_of("smtp", index, "rate"))
        problems += [*found, *found_in_rate]
        servers += [server] if server else []
        rates.append(limits)
    return tuple(servers), tuple(rates)


def _nobody_to_tell(config: Config) -> Iterator[Problem]:
    """Yield a warning for each enabled schedule that wants to ask or remind somebody where nobody is named."""
    if config.settings.publication.operators:
        return
    for index, schedule in enumerate(config.settings.schedule):
        key = "approval" if schedule.approval else "remind"
        if schedule.enabled and (schedule.approval or schedule.remind is not None):
            yield Problem(
                path=config.places.path,
                line=config.places.line_of("schedule", index, key),
                what=wording(
                    f"{schedule.id} 写了 {key}，但没有 operators，没有人会收到通知",
                    f"{schedule.id} has {key}, but there are no operators to tell",
                ),
                remedy=wording(
                    '在 [publication] 写 operators = ["ops@example.com"]',
                    'write operators = ["ops@example.com"] into [publication]',
                ),
                warning=True,
            )


_UNREADABLE = SecretStr("unreadable")
_SUMMARY = wording(
    "设置有上面这些问题，什么都没有改动；改好后请再运行一次",
    "the settings were refused, nothing was changed; mend the places above and run the command again",
)


def _workdays(root: Path, today: date, problems: list[Problem]) -> WorkCalendar:
    """Return the working days of holidays.toml; its faults and warnings go to `problems`."""
    path = root / HOLIDAYS
    if not path.exists():
        return WorkCalendar()
    try:
        text = read_text(path, shown_as=HOLIDAYS)
    except InputError as error:
        problems += error.problems
        return WorkCalendar()
    parsed = parse_holidays(text, path=HOLIDAYS, today=today)
    problems += parsed.problems
    return parsed.calendar or WorkCalendar()
