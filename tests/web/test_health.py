"""/healthz and /metrics: for this host alone, and what they say is what the rows say."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from prometheus_client.parser import text_string_to_metric_families
from starlette.requests import Request

from distributor import incidents
from distributor.incidents import Cause, News
from distributor.operations import presence, worker
from distributor.operations.alarms import vitals
from distributor.operations.delivering import dispatcher_of
from distributor.operations.office import Office
from distributor.operations.presence import Self, Use
from distributor.problems import wording
from distributor.schema import delivery, mailing, occurrence
from distributor.web.app import Switch, build_app
from distributor.web.edge import Patience
from distributor.web.health import is_near
from tests.conftest import SetClock
from tests.offices import office_in, write_workspace
from tests.web.visitor import Answer, Served, Visitor

BOTH = ("/healthz", "/metrics")
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def ticked(office: Office) -> Office:
    """An office that was looked at now: its slot went, to three readers, and nothing has left yet."""
    await worker.tick(office)
    return office


def code_of(answer: Answer) -> tuple[int, str, list[str]]:
    told = json.loads(answer.text)
    return answer.status, told["status"], [reason["code"] for reason in told["reasons"]]


def samples(answer: Answer) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text_string_to_metric_families(answer.text)
    return {(one.name, tuple(sorted(one.labels.items()))): one.value for family in families for one in family.samples}


def value(answer: Answer, name: str, **labels: str) -> float:
    return samples(answer)[name, tuple(sorted(labels.items()))]


async def test_house_that_ticks_is_well(ticked: Office, visitor: Visitor) -> None:
    answer = await visitor.get("/healthz")

    assert code_of(answer) == (200, "ok", [])
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("path", BOTH)
@pytest.mark.parametrize(
    "name", ["Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "x-forwarded-anything", "Via", "X-Real-IP"]
)
async def test_what_came_through_a_proxy_finds_no_such_page(visitor: Visitor, path: str, name: str) -> None:
    lost = await visitor.get("/nothing", {name: "for=192.0.2.1"})

    answer = await visitor.get(path, {name: "for=192.0.2.1"})

    assert (answer.status, answer.text) == (404, lost.text)


@pytest.mark.parametrize(
    ("peer", "near"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.0.2.7", True),
        ("192.0.2.8", False),
        ("::ffff:192.0.2.8", False),
        ("unix", False),
    ],
)
def test_only_this_host_is_near(peer: str, near: bool) -> None:
    scope = {"type": "http", "headers": [], "client": (peer, 1), "server": ("192.0.2.7", 8080)}

    assert is_near(Request(scope)) is near


@pytest.mark.parametrize("path", BOTH)
async def test_pages_are_only_looked_at(ticked: Office, visitor: Visitor, path: str) -> None:
    head = await visitor.ask("HEAD", path)

    assert (head.status, head.body) == (200, b"")
    assert (await visitor.post(path)).status == 405


@asynccontextmanager
async def asked(office: Office) -> AsyncIterator[Visitor]:
    async with Served(build_app(office)) as visitor:
        yield visitor


async def test_house_in_which_nothing_ticks_is_failing(ticked: Office, visitor: Visitor, clock: SetClock) -> None:
    clock.advance(vitals.OVERDUE_TICK)
    before = code_of(await visitor.get("/healthz"))
    clock.advance(MINUTE)

    assert before == (200, "ok", [])
    assert code_of(await visitor.get("/healthz")) == (503, "failing", ["tick"])


async def test_house_that_never_ticked_is_failing(visitor: Visitor) -> None:
    assert code_of(await visitor.get("/healthz")) == (503, "failing", ["tick"])


async def test_beats_of_a_daemon_that_never_gets_to_the_schedules_do_not_count(
    ticked: Office, visitor: Visitor, clock: SetClock
) -> None:
    clock.advance(vitals.OVERDUE_TICK + MINUTE)
    await beat(ticked, Use(settings="d", settings_at=clock.now()))

    assert code_of(await visitor.get("/healthz")) == (503, "failing", ["tick"])


async def beat(office: Office, use: Use) -> None:
    now = office.workspace.clock.now()
    async with office.database.write() as tx:
        await presence.beat(tx, Self(id="one", host="north", pid=7, started_at=now), use, now)


async def test_refused_settings_are_told_and_leave_the_house_working(
    ticked: Office, visitor: Visitor, clock: SetClock
) -> None:
    await beat(ticked, Use(settings="d", settings_at=clock.now(), refused=(wording("第 3 行", "line 3"),)))

    answer, metrics = await visitor.get("/healthz"), await visitor.get("/metrics")

    assert code_of(answer) == (200, "degraded", ["settings"])
    assert '"line 3"' in answer.text
    assert '"pid":7' in answer.text
    assert value(metrics, "distributor_settings_refused") == value(metrics, "distributor_daemons") == 1


async def test_slot_that_should_have_gone_is_failing_and_one_that_waits_for_people_is_not(
    ticked: Office, visitor: Visitor
) -> None:
    async with ticked.database.write() as tx:
        longer = ticked.workspace.clock.now() - vitals.LATE - MINUTE
        await tx.execute(sa.update(occurrence).where(occurrence.c.state == "launched").values(due_at=longer))
        await tx.execute(sa.update(occurrence).values(state="planned").where(occurrence.c.state == "launched"))
    late, metrics = code_of(await visitor.get("/healthz")), await visitor.get("/metrics")
    async with ticked.database.write() as tx:
        await tx.execute(sa.update(occurrence).where(occurrence.c.due_at <= longer).values(state="waiting_content"))

    assert late == (503, "failing", ["late"])
    assert [value(metrics, f"distributor_slots_{name}") for name in ("due", "late", "waiting")] == [1, 1, 0]
    assert code_of(await visitor.get("/healthz")) == (200, "degraded", ["waiting"])


async def test_paused_mailing_is_named(ticked: Office, visitor: Visitor) -> None:
    async with ticked.database.write() as tx:
        await tx.execute(sa.update(mailing).values(state="paused", reason="too fast"))

    assert code_of(await visitor.get("/healthz")) == (200, "degraded", ["paused"])


async def test_full_disk_is_failing(ticked: Office, visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distributor.operations.alarms.vitals._free_bytes", lambda _workspace: 99_999_999)

    assert code_of(await visitor.get("/healthz")) == (503, "failing", ["disk"])


async def test_database_that_does_not_answer_is_failing(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    async def stuck(_office: Office) -> None:
        await asyncio.sleep(1)

    monkeypatch.setattr(vitals, "take_pulse", stuck)
    monkeypatch.setattr(vitals, "count", stuck)
    async with Served(build_app(office, Patience(0.05))) as visitor:
        assert code_of(await visitor.get("/healthz")) == (503, "failing", ["database"])
        assert (await visitor.get("/metrics")).status == 503


async def test_copies_are_counted_by_state_and_mailing(ticked: Office, visitor: Visitor, clock: SetClock) -> None:
    clock.advance(5 * MINUTE)
    waiting = await visitor.get("/metrics")
    await dispatcher_of(ticked).run_until_idle()

    sent = await visitor.get("/metrics")

    named = {"mailing": "1", "issue": "2015-055", "channel": "outbox"}
    assert value(waiting, "distributor_mailing_planned_copies", **named) == 3
    assert value(waiting, "distributor_mailing_copies", **named, state="pending") == 3
    assert value(waiting, "distributor_due_copies") == 3
    assert value(waiting, "distributor_queue_age_seconds") == 300
    assert value(sent, "distributor_mailing_copies", **named, state="stored") == 3
    assert value(sent, "distributor_copies", state="pending") == value(sent, "distributor_due_copies") == 0
    assert value(sent, "distributor_queue_age_seconds") == 0


async def test_every_state_and_every_cause_is_there_also_at_nought(ticked: Office, visitor: Visitor) -> None:
    found = samples(await visitor.get("/metrics"))

    states = {labels[0][1] for name, labels in found if name == "distributor_copies"}
    causes = {labels[0][1] for name, labels in found if name == "distributor_open_incidents"}
    assert states == {"pending", "claimed", "sending", "accepted", "stored", "deferred"} | {
        "refused",
        "uncertain",
        "suppressed",
        "expired",
        "cancelled",
    }
    assert causes == set(Cause)


async def test_open_incidents_are_counted_by_cause(ticked: Office, visitor: Visitor, clock: SetClock) -> None:
    news = News(cause=Cause.INBOX, subject="a.docx", what=wording("坏", "bad"), remedy=wording("修", "mend"))
    async with ticked.database.write() as tx:
        await incidents.report(tx, news, clock.now())

    answer = await visitor.get("/metrics")

    assert value(answer, "distributor_open_incidents", cause="inbox") == 1
    assert value(answer, "distributor_open_incidents", cause="disk") == 0


async def test_moments_are_seconds_since_1970(ticked: Office, visitor: Visitor, clock: SetClock) -> None:
    answer = await visitor.get("/metrics")

    assert value(answer, "distributor_last_tick_timestamp_seconds") == clock.now().timestamp()
    following = value(answer, "distributor_next_slot_timestamp_seconds", schedule="weekly")
    assert following == (clock.now() + timedelta(days=7)).timestamp()
    assert value(answer, "distributor_calendar_end_timestamp_seconds") > clock.now().timestamp()


async def test_metrics_name_their_units_and_have_help(ticked: Office, visitor: Visitor) -> None:
    answer = await visitor.get("/metrics")

    families = list(text_string_to_metric_families(answer.text))
    ours = [family for family in families if family.name.startswith("distributor_")]
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert [family.name for family in ours if not family.documentation.endswith(".")] == []
    assert [one.name for one in ours if one.name.endswith("_total")] == []
    assert {family.name.partition("_")[0] for family in families} == {"distributor", "process"}


@pytest.mark.parametrize(("open_copies", "shown"), [(True, True), (False, False)], ids=["goes on", "finished"])
async def test_old_mailing_is_counted_only_while_it_goes_on(
    ticked: Office, visitor: Visitor, clock: SetClock, open_copies: bool, shown: bool
) -> None:
    clock.advance(vitals.RECENT + MINUTE)
    if not open_copies:
        async with ticked.database.write() as tx:
            await tx.execute(sa.update(delivery).values(state="stored"))

    found = samples(await visitor.get("/metrics"))

    assert any(name == "distributor_mailing_copies" for name, _labels in found) is shown


async def test_nothing_names_a_reader(ticked: Office, visitor: Visitor) -> None:
    for path in BOTH:
        assert "@" not in (await visitor.get(path)).text


async def test_two_offices_in_one_process_keep_their_own_counts(
    ticked: Office, tmp_path: Path, clock: SetClock
) -> None:
    root = write_workspace(tmp_path / "other")
    async with office_in(root, clock) as other, asked(ticked) as first, asked(other) as second:
        counts = [value(await one.get("/metrics"), "distributor_due_copies") for one in (first, second)]

    assert counts == [3, 0]


async def test_mode_none_has_health_too(tmp_path: Path, clock: SetClock) -> None:
    root = write_workspace(tmp_path / "closed", changes={'mode = "public"': 'mode = "none"'})

    async with office_in(root, clock) as office, asked(office) as visitor:
        await worker.tick(office)
        assert (await visitor.get("/healthz")).status == 200


async def test_pages_change_over_between_two_requests(office: Office, root: Path, clock: SetClock) -> None:
    switch = Switch(office)
    text = (root / "distributor.toml").read_text(encoding="utf-8").replace('"节能减排信息动态"', '"绿色周刊"')
    (root / "distributor.toml").write_text(text, encoding="utf-8")
    async with Served(switch) as visitor, office_in(root, clock) as edited:
        take_over = switch.prepare(edited)
        before = (await visitor.get("/nothing")).text
        take_over()
        after = (await visitor.get("/nothing")).text

    assert ("节能减排信息动态" in before, "绿色周刊" in after) == (True, True)
