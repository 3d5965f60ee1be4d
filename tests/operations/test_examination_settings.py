"""Settings, secrets, working days, schedules, lists and templates examined, in real workspaces."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from distributor.operations.examinations.calendar import examine_calendar, examine_schedules
from distributor.operations.examinations.findings import Finding
from distributor.operations.examinations.keys import examine_dkim_key, examine_passwords, examine_token_key
from distributor.operations.examinations.lists import examine_lists
from distributor.operations.examinations.settings import examine_publication, examine_settings
from distributor.operations.examinations.templates import examine_templates
from distributor.operations.office import make_key_file
from distributor.operations.workspace import open_workspace
from tests.conftest import SetClock
from tests.dkim_keys import rsa_key
from tests.offices import write_list, write_workspace
from tests.operations.examining import OURS, SUMMER, told, verdicts, workspace_in

SERVER = '\n[[smtp]]\nurl = "smtps://weekly%40office.cn@smtp.office.cn:465"\npassword_file = "secrets/smtp"\n'
DKIM = '\n[dkim]\ndomain = "office.cn"\nselector = "s2026"\nkey_file = "secrets/dkim.pem"\n'


def write_secret(root: Path, name: str, text: str, *, mode: int = 0o600) -> Path:
    path = root / "secrets" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.fixture
def dkim_workspace(tmp_path: Path) -> Path:
    """A workspace that signs with a key of its own."""
    write_secret(tmp_path, "dkim.pem", pem(rsa_key()))
    return write_workspace(tmp_path, changes=OURS, more=DKIM)


def examined(root: Path) -> tuple[Finding, ...]:
    return examine_settings(root, SetClock(SUMMER), {})[1]


# Settings


def test_sound_settings_are_counted(tmp_path: Path) -> None:
    workspace, findings = examine_settings(write_workspace(tmp_path), SetClock(SUMMER), {})

    assert workspace is not None
    assert verdicts(findings) == ["ok"]
    assert "6 个栏目，2 个名单，0 台邮件服务器，1 个计划" in findings[0].seen.zh


def test_every_fault_of_the_settings_is_a_finding_with_its_line(tmp_path: Path) -> None:
    root = write_workspace(tmp_path, changes={"Asia/Shanghai": "Asia/Shangai", "body = ": "bodi = "})

    workspace, findings = examine_settings(root, SetClock(SUMMER), {})

    assert workspace is None
    assert verdicts(findings) == ["fault", "fault"]
    assert all(finding.name == "settings" and finding.seen.zh.startswith("distributor.toml:") for finding in findings)


def test_settings_that_cannot_be_read_are_a_fault_of_the_machine(tmp_path: Path) -> None:
    (tmp_path / "distributor.toml").mkdir()

    findings = examined(tmp_path)

    assert [(finding.verdict, finding.concern) for finding in findings] == [("fault", "environment")]


def test_bytes_in_holidays_that_are_no_text_are_a_fault(tmp_path: Path) -> None:
    (write_workspace(tmp_path) / "holidays.toml").write_bytes(b"off = [\x00\xff]\n")

    assert verdicts(examined(tmp_path)) == ["fault"]


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [(None, 0o600, "不存在"), ("code", 0o644, "chmod 600 secrets/smtp"), ("", 0o600, "空的")],
    ids=["missing", "readable by others", "empty"],
)
def test_a_password_file_that_will_not_do_is_a_fault_of_the_secrets(
    text: str | None, mode: int, said: str, tmp_path: Path
) -> None:
    root = write_workspace(tmp_path, more=SERVER)
    if text is not None:
        write_secret(root, "smtp", text, mode=mode)

    findings = examined(root)

    assert [(finding.name, finding.verdict) for finding in findings] == [("secrets", "fault")]
    assert said in told(findings)


# Publication


def test_a_publication_of_its_own_is_well(tmp_path: Path) -> None:
    findings = examine_publication(workspace_in(tmp_path))

    assert verdicts(findings) == ["ok"]
    assert "weekly@news.office.cn" in findings[0].seen.zh


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("weekly@news.example.com", "weekly@news.example.org", "发件地址还是示例"),
        ("https://news.example.com/", "https://news.example.org/", "网址还是示例"),
        ("https://news.example.com/", "http://localhost:8080/", "https"),
        ('address = "北京市朝阳区（示例地址）"', 'address = ""', "通信地址"),
        ('operators = ["ops@example.com"]', "operators = []", "operators"),
    ],
    ids=["sender", "base_url", "http", "address", "operators"],
)
def test_what_receivers_or_the_law_will_miss_is_warned_of(old: str, new: str, said: str, tmp_path: Path) -> None:
    ours = {"weekly@news.example.com": "weekly@office.cn", "https://news.example.com/": "https://office.cn/"}
    root = write_workspace(tmp_path, changes=ours | {old: new})

    findings = examine_publication(open_workspace(root, SetClock(SUMMER), {}))

    assert verdicts(findings) == ["warning"]
    assert said in findings[0].seen.zh


def test_a_publication_without_pages_may_have_any_address(tmp_path: Path) -> None:
    changes = {"https://news.example.com/": "http://localhost/", 'mode = "public"': 'mode = "none"'}

    assert verdicts(examine_publication(workspace_in(tmp_path, changes=changes))) == ["ok"]


# Secrets


def test_a_private_link_key_is_well(tmp_path: Path) -> None:
    make_key_file(tmp_path)

    findings = examine_token_key(tmp_path, mailed=True)

    assert verdicts(findings) == ["ok"]
    assert (tmp_path / "secrets" / "token.key").read_text(encoding="utf-8").split()[1] not in told(findings)


@pytest.mark.parametrize(("mailed", "verdict"), [(False, "ok"), (True, "fault")])
def test_a_missing_link_key_is_a_fault_once_mail_is_out(mailed: bool, verdict: str, tmp_path: Path) -> None:
    findings = examine_token_key(tmp_path, mailed=mailed)

    assert verdicts(findings) == [verdict]
    assert not (tmp_path / "secrets").exists()


def test_a_link_key_that_others_can_read_is_a_fault(tmp_path: Path) -> None:
    make_key_file(tmp_path)
    (tmp_path / "secrets" / "token.key").chmod(0o640)

    findings = examine_token_key(tmp_path, mailed=False)

    assert verdicts(findings) == ["fault"]
    assert "chmod 600 secrets/token.key" in told(findings)


def test_a_link_key_that_is_none_is_a_fault_with_its_line(tmp_path: Path) -> None:
    write_secret(tmp_path, "token.key", "# ours\nchangeme\n")

    findings = examine_token_key(tmp_path, mailed=False)

    assert verdicts(findings) == ["fault"]
    assert "secrets/token.key:2" in findings[0].seen.zh


def test_passwords_are_said_to_be_there_and_never_shown(tmp_path: Path) -> None:
    write_secret(tmp_path, "smtp", "authorisation-code-42")
    relay = '\n[[smtp]]\nurl = "smtp+plaintext://127.0.0.1:25"\n'
    workspace = workspace_in(tmp_path, more=SERVER + relay)

    findings = examine_passwords(workspace, {})

    assert verdicts(findings) == ["ok", "ok"]
    assert "secrets/smtp" in findings[0].seen.en
    assert "authorisation-code-42" not in told(findings)


def test_a_password_from_the_environment_is_said_to_come_from_there(tmp_path: Path) -> None:
    environment = {"DISTRIBUTOR_SMTP_PASSWORD": "authorisation-code-42"}
    workspace = open_workspace(write_workspace(tmp_path, more=SERVER), SetClock(SUMMER), environment)

    findings = examine_passwords(workspace, environment)

    assert "DISTRIBUTOR_SMTP_PASSWORD" in findings[0].seen.zh


def test_a_sample_password_is_a_fault(tmp_path: Path) -> None:
    write_secret(tmp_path, "smtp", "ChangeMe")

    findings = examine_passwords(workspace_in(tmp_path, more=SERVER), {})

    assert verdicts(findings) == ["fault"]
    assert "ChangeMe" not in told(findings)


def test_the_key_that_signs_is_named_and_never_shown(dkim_workspace: Path) -> None:
    workspace = open_workspace(dkim_workspace, SetClock(SUMMER), {})

    findings = examine_dkim_key(workspace)

    assert verdicts(findings) == ["ok"]
    assert "RSA 2048, d=office.cn, s=s2026" in findings[0].seen.zh
    assert "PRIVATE" not in told(findings)


def test_no_key_signs_where_none_is_named(tmp_path: Path) -> None:
    assert examine_dkim_key(workspace_in(tmp_path)) == ()


RELAY = '\n[[smtp]]\nurl = "smtp+plaintext://127.0.0.1:25"\n'


def test_a_server_asked_to_sign_without_a_key_is_warned_of(tmp_path: Path) -> None:
    findings = examine_dkim_key(workspace_in(tmp_path, more=RELAY + "sign = true\n"))

    assert verdicts(findings) == ["warning"]
    assert "127.0.0.1:25" in findings[0].seen.zh


@pytest.mark.parametrize("more", ["", "sign = false\n"], ids=["default", "no"])
def test_a_server_not_asked_to_sign_is_not_warned_of(more: str, tmp_path: Path) -> None:
    assert examine_dkim_key(workspace_in(tmp_path, more=RELAY + more)) == ()


def test_a_key_that_no_server_signs_with_is_warned_of(dkim_workspace: Path) -> None:
    with (dkim_workspace / "distributor.toml").open("a", encoding="utf-8") as settings:
        settings.write('\n[[smtp]]\nurl = "smtp+plaintext://127.0.0.1:25"\nsign = false\n')

    findings = examine_dkim_key(open_workspace(dkim_workspace, SetClock(SUMMER), {}))

    assert verdicts(findings) == ["warning"]


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        (None, 0o600, "不存在"),
        ("not a key", 0o600, "看不懂"),
        (pem(ec.generate_private_key(ec.SECP256R1())), 0o600, "RSA"),
        ("not a key", 0o644, "chmod 600"),
    ],
    ids=["missing", "unreadable", "elliptic", "readable by others"],
)
def test_a_dkim_key_that_will_not_do_is_a_fault_of_the_secrets(
    text: str | None, mode: int, said: str, dkim_workspace: Path
) -> None:
    (dkim_workspace / "secrets" / "dkim.pem").unlink()
    if text is not None:
        write_secret(dkim_workspace, "dkim.pem", text, mode=mode)

    findings = examined(dkim_workspace)

    assert [(finding.name, finding.verdict) for finding in findings] == [("secrets", "fault")]
    assert said in told(findings)


# Working days and schedules


def test_a_calendar_that_reaches_far_is_well(tmp_path: Path) -> None:
    findings = examine_calendar(workspace_in(tmp_path, at=datetime(2026, 10, 31, tzinfo=UTC)))

    assert verdicts(findings) == ["ok"]
    assert "2026-12-31" in findings[0].seen.zh


def test_sixty_days_before_the_calendar_ends_it_is_warned_of(tmp_path: Path) -> None:
    findings = examine_calendar(workspace_in(tmp_path, at=datetime(2026, 11, 1, 4, tzinfo=UTC)))

    assert verdicts(findings) == ["warning"]
    assert findings[0].remedy is not None
    assert "holidays.toml" in findings[0].remedy.zh
    assert "holidays.toml" in findings[0].remedy.en


def test_a_doubtful_day_in_holidays_is_warned_of(tmp_path: Path) -> None:
    (tmp_path / "holidays.toml").write_text("work = [2026-06-03]\n", encoding="utf-8")

    findings = examine_calendar(workspace_in(tmp_path))

    assert verdicts(findings) == ["ok", "warning"]
    assert "holidays.toml:1" in findings[1].seen.en


def test_a_schedule_is_shown_with_its_meaning_and_its_next_date(tmp_path: Path) -> None:
    findings = examine_schedules(workspace_in(tmp_path))

    # Monday, 1 June 2026: the Friday after it is no holiday.
    assert verdicts(findings) == ["ok"]
    assert findings[0].seen.zh == "weekly：每周五 09:00，下一次 2026-06-05 09:00 +08:00 星期五"
    assert "Friday 2026-06-05" in findings[0].seen.en


def test_a_schedule_that_is_off_is_said_to_be(tmp_path: Path) -> None:
    changes = {'id = "weekly"': 'id = "weekly"\nenabled = false'}

    assert "已停用" in examine_schedules(workspace_in(tmp_path, changes=changes))[0].seen.zh


def test_a_schedule_that_never_goes_is_warned_of(tmp_path: Path) -> None:
    # No Saturday of 2040 is known to be a make-up day, and all others are skipped.
    changes = {"每周五": "每周六", '"next_workday"': '"skip"'}
    workspace = workspace_in(tmp_path, changes=changes, at=datetime(2040, 1, 5, tzinfo=UTC))

    assert verdicts(examine_schedules(workspace)) == ["warning"]


def test_no_schedule_and_no_list_at_all_are_warned_of(tmp_path: Path) -> None:
    settings = write_workspace(tmp_path) / "distributor.toml"
    before, _, rest = settings.read_text(encoding="utf-8").partition("[[list]]")
    settings.write_text(f"{before}[web]{rest.partition('[web]')[2]}", encoding="utf-8")
    workspace = open_workspace(tmp_path, SetClock(SUMMER), {})

    assert verdicts(examine_schedules(workspace)) == ["warning"]
    assert verdicts(examine_lists(workspace)) == ["warning"]


# Lists


def test_lists_are_counted(tmp_path: Path) -> None:
    write_list(tmp_path, "members", {"a@office.cn": "", "b@office.cn": "政策聚焦"})

    findings = examine_lists(workspace_in(tmp_path))

    assert verdicts(findings) == ["ok", "ok"]
    assert [finding.seen.zh for finding in findings] == [
        "subscribers/members.csv：2 人",
        "subscribers/public.csv：0 人",
    ]


def test_a_list_with_faulty_rows_is_warned_of_without_showing_anybody(tmp_path: Path) -> None:
    write_list(tmp_path, "members", {"a@office.cn": "", "no address": "", "b@office.cn": "没有的栏目"})

    findings = examine_lists(workspace_in(tmp_path))

    assert findings[0].verdict == "warning"
    assert "1 人，另有 2 行有错" in findings[0].seen.zh
    assert "office.cn" not in told(findings)


@pytest.mark.parametrize("content", [b"PK\x03\x04 an xlsx under another name", b"\xff" * 40], ids=["zip", "binary"])
def test_a_list_that_is_no_table_is_a_fault(content: bytes, tmp_path: Path) -> None:
    workspace = workspace_in(tmp_path)
    (tmp_path / "subscribers" / "members.csv").write_bytes(content)

    assert verdicts(examine_lists(workspace)) == ["fault", "ok"]


def test_a_list_whose_file_is_a_folder_is_a_fault(tmp_path: Path) -> None:
    workspace = workspace_in(tmp_path)
    (tmp_path / "subscribers" / "public.csv").unlink()
    (tmp_path / "subscribers" / "public.csv").mkdir()

    assert verdicts(examine_lists(workspace)) == ["ok", "fault"]


def test_a_list_without_a_file_is_warned_of(tmp_path: Path) -> None:
    workspace = workspace_in(tmp_path)
    (tmp_path / "subscribers" / "public.csv").unlink()

    assert verdicts(examine_lists(workspace)) == ["ok", "warning"]


# Templates


def test_the_templates_of_the_house_render_a_lawful_specimen(tmp_path: Path) -> None:
    findings = examine_templates(workspace_in(tmp_path))

    assert verdicts(findings) == ["ok"]
    assert "退订" in findings[0].seen.zh


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("email.html", "{{ unsubscribe_url }}", "https://office.cn/", "退订链接"),
        ("email.txt", "{{ publication.address | wrap }}", "", "通信地址"),
        ("email.html", "{{ subject }}", "{{ subjekt }}", "subjekt"),
        ("site/article.html", "{% extends", "{% extents", "site/article.html:"),
    ],
    ids=["no way out", "no address", "undefined", "syntax of a page"],
)
def test_a_template_that_would_stop_a_mailing_is_a_fault_with_its_file(
    name: str, old: str, new: str, said: str, tmp_path: Path
) -> None:
    workspace = workspace_in(tmp_path)
    template = tmp_path / "templates" / name
    assert old in template.read_text(encoding="utf-8")
    template.write_text(template.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")

    findings = examine_templates(workspace)

    assert set(verdicts(findings)) == {"fault"}
    assert f"templates/{name}" in told(findings)
    assert said in told(findings)
