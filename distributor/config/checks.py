"""Whether the parts of the file fit together: names that exist, addresses and zones that are real.

Pure: settings of the right shape enter, `Problem`s leave. What a `when`, a `rate` or a server URL means is checked
by the room that parses it.
"""

import difflib
import zoneinfo
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from urllib.parse import urlsplit

from distributor import addresses, times
from distributor.config.model import KeyPath, Places, Schedule, Settings
from distributor.identifiers import is_name
from distributor.problems import Problem, Wording, wording

LONGEST_HOLD = timedelta(days=7)
"""Longer than this the next issue of a weekly is due before the rest of this one went."""
LONGEST_REMIND = timedelta(days=7)
"""Slots are planned ten days ahead; who is told earlier is told of nothing yet."""

_HOME_ZONE = "Asia/Shanghai"
_SHANGHAI_BY_OTHER_NAMES = frozenset(
    (
        *("北京时间", "北京", "上海", "中国", "中国标准时间", "东八区", "beijing", "china", "asia/beijing", "cst"),
        *("gmt+8", "utc+8", "gmt+08:00", "utc+08:00", "+08:00", "+8"),
    )
)


def fit_problems(settings: Settings, places: Places, *, incomplete: frozenset[str] = frozenset()) -> list[Problem]:
    """Return every fault in how the tables fit together, in no particular order.

    What refers to a table in `incomplete` (some of its entries are stand-ins) is not judged.
    """
    found = [*_publication(settings), *_names(settings), *_schedules(settings), *_web(settings)]
    if not incomplete & {"list", "section", "schedule"}:
        found += _references(settings)
    return [
        Problem(path=places.path, line=places.line_of(*key), what=what, remedy=remedy) for key, what, remedy in found
    ]


_Found = tuple[KeyPath, Wording, Wording]


def _publication(settings: Settings) -> Iterator[_Found]:
    publication = settings.publication
    if times.parse_zone(publication.timezone) is None:
        yield (
            ("publication", "timezone"),
            wording(f"没有这个时区：{publication.timezone}", f"no such time zone: {publication.timezone}"),
            _zone_remedy(publication.timezone),
        )
    if addresses.parse_mailbox(publication.sender) is None:
        yield (
            ("publication", "sender"),
            wording(f"发件人地址不对：{publication.sender}", f"the sender is no mailbox: {publication.sender}"),
            wording("写成 名称 <weekly@news.example.com>", "write Name <weekly@news.example.com>"),
        )
    for index, operator in enumerate(publication.operators):
        if addresses.parse_address(operator) is None:
            yield (
                ("publication", "operators", index),
                wording(f"地址不对：{operator}", f"not an address: {operator}"),
                wording("写成 ops@example.com", "write ops@example.com"),
            )
    if not is_base_url(publication.base_url):
        yield (
            ("publication", "base_url"),
            wording(f"网址不对：{publication.base_url}", f"not a base URL: {publication.base_url}"),
            wording(
                "写成 https://news.example.com/，不带用户名、? 和 #",
                "write https://news.example.com/ without user name, ? or #",
            ),
        )


def _zone_remedy(written: str) -> Wording:
    """Return the zone that was meant: the nearest name, also in another case, or Shanghai by its other names."""
    known = {name.casefold(): name for name in zoneinfo.available_timezones()}
    folded = written.casefold().replace(" ", "")
    near = difflib.get_close_matches(written.casefold().replace(" ", "_"), sorted(known), n=1, cutoff=0.7)
    if folded in _SHANGHAI_BY_OTHER_NAMES or not near:
        return wording(
            f"写城市的名字，北京时间是 {_HOME_ZONE}", f"write a city's zone; that of all of China is {_HOME_ZONE}"
        )
    return wording(f"是不是 {known[near[0]]}？", f"did you mean {known[near[0]]}?")


def is_base_url(text: str) -> bool:
    """Say whether links can be built on this URL: https, or http for a host on this machine."""
    try:
        parts = urlsplit(text)
        local = parts.hostname in ("localhost", "127.0.0.1", "::1")
        port_is_right = parts.port is None or parts.port > 0
    except ValueError:
        return False
    plain = not (parts.query or parts.fragment or parts.username) and text.isascii() and " " not in text
    return (
        plain
        and port_is_right
        and bool(parts.hostname)
        and (parts.scheme == "https" or (parts.scheme == "http" and local))
    )


def _names(settings: Settings) -> Iterator[_Found]:
    groups: tuple[tuple[str, str, Sequence[str]], ...] = (
        ("section", "id", [section.id for section in settings.section]),
        ("list", "name", [entry.name for entry in settings.list]),
        ("schedule", "id", [schedule.id for schedule in settings.schedule]),
    )
    for table, key, names in groups:
        for index, name in enumerate(names):
            if not is_name(name):
                yield (
                    (table, index, key),
                    wording(f"名字不能用：{name!r}", f"not a usable name: {name!r}"),
                    wording("用小写字母、数字、- 或 _，以字母开头", "use lower-case letters, digits, - or _"),
                )
            elif name in names[:index]:
                yield (
                    (table, index, key),
                    wording(f"[[{table}]] 的 {key} 重复：{name}", f"{key} {name} stands twice in [[{table}]]"),
                    wording("换一个名字，或删去一处", "rename one or remove it"),
                )
    titles = [section.title for section in settings.section]
    for index, title in enumerate(titles):
        if title in titles[:index]:
            yield (
                ("section", index, "title"),
                wording(f"栏目名重复：{title}", f"the title {title} stands twice"),
                wording("每个栏目用不同的名字", "give each section its own title"),
            )


def _schedules(settings: Settings) -> Iterator[_Found]:
    for index, schedule in enumerate(settings.schedule):
        place = ("schedule", index)
        if (schedule.when is None) == (schedule.cron is None):
            yield (
                (*place, "when"),
                wording(f"{schedule.id}：when 和 cron 必须且只能写一个", f"{schedule.id}: give either when or cron"),
                wording('例如 when = "每周五 09:00"', 'for example when = "Fri 09:00"'),
            )
        if schedule.sections == ():
            yield (
                (*place, "sections"),
                wording(f"{schedule.id}：sections 是空的，什么都不会发", f"{schedule.id}: sections is empty"),
                wording('写 "preferred"（按读者所选），或至少一个栏目', 'write "preferred" or at least one section'),
            )
        for key, text, longest in _durations(schedule):
            yield from _duration((*place, *key), text, longest)


def _durations(schedule: Schedule) -> Iterator[tuple[KeyPath, str, timedelta | None]]:
    """Yield each duration of a schedule with the longest that makes sense, None where any does."""
    yield ("catch_up",), schedule.catch_up, None
    yield ("max_age",), schedule.max_age, None
    if schedule.remind is not None:
        yield ("remind",), schedule.remind, LONGEST_REMIND
    if schedule.pilot is not None:
        yield ("pilot", "hold"), schedule.pilot.hold, LONGEST_HOLD


def _duration(key: KeyPath, text: str, longest: timedelta | None) -> Iterator[_Found]:
    duration = times.parse_duration(text)
    if duration is None:
        yield (
            key,
            wording(f"时长写法不对：{text}", f"not a duration: {text}"),
            wording("写成 12h、10d 或 30m", "write 12h, 10d or 30m"),
        )
    elif longest is not None and duration > longest:
        yield (
            key,
            wording(f"{key[-1]} 太长：{text}", f"{key[-1]} is too long: {text}"),
            wording(f"最长 {longest.days}d", f"give at most {longest.days}d"),
        )


def _references(settings: Settings) -> Iterator[_Found]:
    lists = [entry.name for entry in settings.list]
    sections = [section.id for section in settings.section]
    for index, schedule in enumerate(settings.schedule):
        yield from _unknown(("schedule", index, "lists"), "名单", "list", schedule.lists, lists)
        if schedule.pilot is not None:
            yield from _unknown(("schedule", index, "pilot", "list"), "名单", "list", [schedule.pilot.list], lists)
        if schedule.sections != "preferred":
            yield from _unknown(("schedule", index, "sections"), "栏目", "section", schedule.sections, sections)


def _unknown(key: KeyPath, zh: str, en: str, names: Iterable[str], known: Sequence[str]) -> Iterator[_Found]:
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            asked_zh, asked_en = (f"是不是 {near[0]}？", f"did you mean {near[0]}? ") if near else ("", "")
            yield (
                key,
                wording(f"没有这个{zh}：{name}", f"no such {en}: {name}"),
                wording(f"{asked_zh}可用：{'、'.join(known)}", f"{asked_en}known: {', '.join(known)}"),
            )


def _web(settings: Settings) -> Iterator[_Found]:
    host, _, port = settings.web.listen.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        yield (
            ("web", "listen"),
            wording(f"监听地址不对：{settings.web.listen}", f"not a host and port: {settings.web.listen}"),
            wording("写成 127.0.0.1:8080", "write 127.0.0.1:8080"),
        )
