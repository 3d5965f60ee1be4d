"""The database examined as it stands, on real files and real servers; above all, nothing of it changes."""

import contextlib
import hashlib
import socket
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from sqlalchemy.engine import URL

from distributor import schema
from distributor.database import Database
from distributor.operations.examinations.database import Examined, examine_database, message_bytes
from tests.operations.examining import named, told, verdicts

LAUNCHED = datetime(2026, 5, 29, 1, 0, tzinfo=UTC)


async def examined(url: URL) -> Examined:
    text = url.render_as_string(hide_password=False)
    return await examine_database(text.replace("+aiosqlite", ""), Path("/"))


def mailing_values(**changes: object) -> dict[str, object]:
    return {
        "channel": "smtp",
        "issue": "2026-021",
        "send_no": 1,
        "origin": "weekly/2026-W22#1",
        "state": "running",
        "fingerprint": "f",
        "token_mark": "t",
        "address_mark": "a",
        "message_date": LAUNCHED,
        **changes,
    }


async def insert(url: URL, table: sa.Table, **values: object) -> None:
    async with Database.open(url) as database, database.write() as tx:
        await tx.execute(sa.insert(table).values(**values))


async def test_a_sound_database_of_this_release_is_well(migrated_url: URL) -> None:
    found = await examined(migrated_url)

    assert [finding.name for finding in found.findings] == ["database", "database.schema", "database.integrity"]
    assert verdicts(found.findings) == ["ok", "ok", "ok"]
    assert (found.newest, found.mailed, found.largest_bytes) == (None, False, 0)


async def test_an_examination_changes_nothing(migrated_sqlite_url: URL, tmp_path: Path) -> None:
    file = tmp_path / "distributor.db"
    before = hashlib.sha256(file.read_bytes()).digest()

    await examined(migrated_sqlite_url)

    assert hashlib.sha256(file.read_bytes()).digest() == before
    assert list(tmp_path.iterdir()) == [file]


async def test_a_missing_file_is_well_and_stays_missing(tmp_path: Path) -> None:
    found = await examine_database("sqlite:///var/distributor.db", tmp_path)

    assert verdicts(found.findings) == ["ok"]
    assert list(tmp_path.iterdir()) == []


async def test_a_file_with_a_question_mark_in_its_name_is_found(migrated_sqlite_url: URL, tmp_path: Path) -> None:
    (tmp_path / "distributor.db").rename(tmp_path / "期刊 a?b#c%41.db")

    found = await examine_database("sqlite:///期刊 a%3Fb#c%2541.db", tmp_path)

    assert set(verdicts(found.findings)) == {"ok"}


async def test_an_empty_database_is_well_until_the_first_run(database_url: URL, tmp_path: Path) -> None:
    if database_url.get_backend_name() == "sqlite":
        (tmp_path / "distributor.db").touch()

    found = await examined(database_url)

    assert named(found.findings, "database.schema")[0].verdict == "ok"
    assert "第一次运行" in told(named(found.findings, "database.schema"))


@pytest.mark.parametrize(("revision", "verdict"), [("9999", "fault"), (None, "ok")], ids=["newer", "ours"])
async def test_a_schema_from_a_newer_release_is_a_fault(migrated_url: URL, revision: str | None, verdict: str) -> None:
    if revision is not None:
        async with Database.open(migrated_url) as database, database.write() as tx:
            await tx.execute(sa.text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})

    found = await examined(migrated_url)

    assert named(found.findings, "database.schema")[0].verdict == verdict


async def test_an_older_schema_is_warned_of_and_left_alone(migrated_url: URL, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ScriptDirectory, "get_current_head", lambda _script: "later")

    found = await examined(migrated_url)

    assert verdicts(found.findings) == ["ok", "warning", "ok"]
    assert found.newest is None


async def test_a_file_that_is_no_database_is_a_fault_of_the_environment(sqlite_url: URL, tmp_path: Path) -> None:
    (tmp_path / "distributor.db").write_bytes(b"this is no database at all\n" * 400)

    found = await examined(sqlite_url)

    assert [(finding.verdict, finding.concern) for finding in found.findings] == [("fault", "environment")]
    assert "not a database" in told(found.findings)


async def test_a_damaged_file_is_a_fault(migrated_sqlite_url: URL, tmp_path: Path) -> None:
    file = tmp_path / "distributor.db"
    octets = bytearray(file.read_bytes())
    with contextlib.closing(sqlite3.connect(file)) as connection:
        page = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'consent'").fetchone()[0]
    octets[(page - 1) * 4096 : page * 4096] = b"\xa5" * 4096
    file.write_bytes(octets)

    found = await examined(migrated_sqlite_url)

    assert "fault" in verdicts(found.findings)


async def test_rows_that_no_rule_allows_are_a_fault(migrated_sqlite_url: URL, tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "distributor.db")) as connection, connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("INSERT INTO suppression VALUES ('a@office.cn', 'no reason', 'test', '2026-06-01')")

    found = await examined(migrated_sqlite_url)

    assert verdicts(found.findings) == ["ok", "ok", "fault"]
    assert "CHECK constraint failed in suppression" in told(found.findings)


@pytest.mark.parametrize("kind", ["folder", "unknown"])
async def test_a_place_that_cannot_hold_a_database_is_a_fault(kind: str, tmp_path: Path) -> None:
    (tmp_path / "ledger").mkdir()
    text = {"folder": "sqlite:///ledger", "unknown": "mysql://localhost/ledger"}[kind]

    found = await examine_database(text, tmp_path)

    expected = {"folder": "environment", "unknown": "config"}[kind]
    assert [(finding.verdict, finding.concern) for finding in found.findings] == [("fault", expected)]


async def test_a_server_that_cannot_be_reached_is_a_fault_that_shows_no_password() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    found = await examine_database(f"postgresql://weekly:letmein-42@127.0.0.1:{port}/ledger", Path("/"))

    assert [(finding.verdict, finding.concern) for finding in found.findings] == [("fault", "environment")]
    assert "letmein-42" not in told(found.findings)


async def test_the_newest_moment_is_when_something_happened_not_when_it_is_due(migrated_url: URL) -> None:
    later = LAUNCHED + timedelta(days=2)
    await insert(
        migrated_url, schema.mailing, **mailing_values(launched_at=LAUNCHED, lease_until=later, resume_at=later)
    )
    await insert(
        migrated_url, schema.consent, email_key="a@office.cn", action="unsubscribe", source="link",
        at=LAUNCHED + timedelta(hours=3),
    )  # fmt: skip

    found = await examined(migrated_url)

    assert found.newest == LAUNCHED + timedelta(hours=3)


@pytest.mark.parametrize(("launched", "mailed"), [(None, False), (LAUNCHED, True)], ids=["preparing", "launched"])
async def test_mail_is_out_once_a_mailing_was_launched(
    migrated_url: URL, launched: datetime | None, mailed: bool
) -> None:
    await insert(migrated_url, schema.mailing, **mailing_values(launched_at=launched))

    assert (await examined(migrated_url)).mailed is mailed


async def test_the_largest_message_is_the_largest_edition_with_the_pictures_of_its_mailing(migrated_url: URL) -> None:
    await insert(migrated_url, schema.mailing, **mailing_values(id=7))
    # 3 bytes a character in UTF-8: 3,000 + 600 bytes of parts, then 6,000, then 10,000 of pictures.
    for edition, html, text in (("market", "字" * 1000, "文" * 200), ("policy", "字" * 1500, "文" * 500)):
        await insert(
            migrated_url, schema.rendition, mailing=7, edition=edition, subject="s", preheader="p", html=html,
            text=text, cids=[], fingerprint="f",
        )  # fmt: skip
    await insert(
        migrated_url, schema.rendition_picture, mailing=7, cid="c", media_type="image/png", filename="c.png",
        content=b"\x89" * 10_000,
    )  # fmt: skip

    assert (await examined(migrated_url)).largest_bytes == message_bytes(6_000 + 10_000)


def test_a_message_is_a_third_larger_than_its_parts() -> None:
    # base64: 4/3; line ends: 78/76; 8,000 bytes of headers.
    assert message_bytes(57 * 1000) == 78 * 1000 + 8_000
