"""Bad input while the house runs: named with file, line and remedy, told once, and what was in use stays in use."""

from pathlib import Path

import pytest

from distributor.operations.service.reloading import Reloading
from tests.operations.test_reloading import edit, hour, reloading, reported

__all__ = ["reloading"]

WHEN = 'when = "每周五 09:00"'
LISTS = 'lists = ["members", "public"]'
ANOTHER = '[[schedule]]\nid = "{}"\nwhen = "{}"\nlists = ["public"]\n\n[web]'

BAD = {
    "zone": ("Asia/Shanghai", "Asia/Shangai", 9, "Asia/Shanghai"),
    "hour": (WHEN, 'when = "每周五 25:00"', 60, "00:00 到 23:59"),
    "cron weekday": (WHEN, 'cron = "0 9 * * 5"', 60, "mon tue wed thu fri sat sun"),
    "list": (LISTS, 'lists = ["membres"]', 61, "members"),
    "section": ('sections = "preferred"', 'sections = ["polcy"]', 62, "policy"),
    "one id twice": ("[web]", ANOTHER.format("weekly", "每周一 08:30"), 69, "换一个名字"),
    "overlap": ("[web]", ANOTHER.format("another", "工作日 09:00"), 70, "改其中一个的时间或名单"),
}
"""What is edited, into what, the line that is named, and words of the remedy."""


async def assert_nothing_changed_and_told_once(reloading: Reloading, place: str, remedy: str) -> None:
    for _beat in range(3):
        assert not await reloading.look()

    (refused,) = reloading.use.refused
    (incident,) = await reported(reloading.office)
    assert refused.zh.startswith(f"{place}: ")
    assert remedy in refused.zh
    assert refused.zh in incident.what.zh
    assert (hour(reloading.office), len(reloading.office.workspace.rules)) == ("每周五 09:00", 1)


@pytest.mark.parametrize(("old", "new", "line", "remedy"), BAD.values(), ids=BAD.keys())
async def test_bad_settings_change_nothing_and_are_told_once(
    reloading: Reloading, root: Path, old: str, new: str, line: int, remedy: str
) -> None:
    edit(root, old, new)

    await assert_nothing_changed_and_told_once(reloading, f"distributor.toml:{line}", remedy)


@pytest.mark.parametrize(
    ("text", "line", "remedy"),
    [
        ("off = [2027-02-05,\n  2206-10-01]\n", 2, "年份从 2000 到"),
        ("off = [2027-02-05]\nwork = [2027-02-05]\n", 2, "从 off 或 work 里删去一处"),
        ("off = [2027-2-5]\n", 1, "写成 2027-02-05"),
    ],
    ids=["year", "off and work", "digits"],
)
async def test_bad_days_change_nothing_and_are_told_once(
    reloading: Reloading, root: Path, text: str, line: int, remedy: str
) -> None:
    (root / "holidays.toml").write_text(text, encoding="utf-8")

    await assert_nothing_changed_and_told_once(reloading, f"holidays.toml:{line}", remedy)


async def test_every_bad_input_at_once_is_named_at_once(reloading: Reloading, root: Path) -> None:
    for name in ("zone", "hour", "list", "section", "one id twice"):
        old, new, _line, _remedy = BAD[name]
        edit(root, old, new)
    (root / "holidays.toml").write_text("off = [2206-10-01]\n", encoding="utf-8")

    assert not await reloading.look()

    places = [problem.zh.partition(": ")[0] for problem in reloading.use.refused]
    assert places == [f"distributor.toml:{line}" for line in (9, 60, 61, 62, 69)] + ["holidays.toml:1"]
    assert hour(reloading.office) == "每周五 09:00"
