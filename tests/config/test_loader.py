import re
from pathlib import Path

import pytest

from distributor.config import loader
from distributor.config.environment import preferred_language
from distributor.errors import ConfigError, EnvironmentFault, WorkspaceNotFound

SAMPLE = (Path(__file__).parents[2] / "distributor.toml").read_text(encoding="utf-8")
SMTP = '\n[[smtp]]\nurl = "smtps://weekly@smtp.example.net:465"\npassword_file = "secrets/smtp"\n'


def write(folder: Path, text: str = SAMPLE, *, encoding: str = "utf-8") -> Path:
    (folder / "distributor.toml").write_bytes(text.encode(encoding))
    return folder


def refusal(folder: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        loader.load(folder, {})
    return caught.value.text()


def test_sample_settings_load(tmp_path: Path) -> None:
    config = loader.load(write(tmp_path), {})

    assert [section.title for section in config.settings.section][:2] == ["市场热点", "政策聚焦"]
    assert config.settings.schedule[0].when == "每周五 09:00"


def test_notepad_mark_at_the_start_is_no_fault(tmp_path: Path) -> None:
    assert loader.load(write(tmp_path, encoding="utf-8-sig"), {}).settings.email.body == "fit"


def test_every_fault_is_named_at_once_with_its_line(tmp_path: Path) -> None:
    text = (
        SAMPLE.replace('name = "members"', 'nmae = "members"')
        .replace("Asia/Shanghai", "Asia/Shangai")
        .replace("max_html_kb = 95", "max_html_kb = 5000")
        .replace('catch_up = "12h"', 'catch_up = "soon"')
    )

    message = refusal(write(tmp_path, text))

    for fault in ("Asia/Shangai", "max_html_kb", "是不是 name", "soon"):
        assert re.search(rf"distributor\.toml:\d+: .*{fault}", message), fault


@pytest.mark.parametrize(
    ("old", "new", "line_text", "remedy"),
    [
        ('body = "fit"', 'body = "fitt"', "fitt", "'full', 'digest', 'fit'"),
        ('lists = ["members", "public"]', 'lists = ["member"]', "member", "members"),
        ('sections = "preferred"', 'sections = ["polcy"]', "polcy", "policy"),
        ('id = "policy"', 'id = "market"', "market", "换一个名字"),
        ('id = "policy"', 'id = "政策"', "政策", "小写字母"),
        ('title = "政策聚焦"', 'title = "市场热点"', "市场热点", "不同的名字"),
        ("https://news.example.com/", "news.example.com", "news.example.com", "https://"),
        ("https://news.example.com/", "http://news.example.com/", "http://", "https://"),
        ("founded = 2015-01-01", "", "founded", "founded ="),
        ('sender = "节能减排信息动态 <weekly@news.example.com>"', 'sender = "weekly"', "weekly", "<weekly@"),
        ('operators = ["ops@example.com"]', 'operators = ["ops"]', "ops", "ops@example.com"),
        ('when = "每周五 09:00"', 'when = "每周五 09:00"\ncron = "0 9 * * fri"', "when", "每周五"),
        ('listen = "127.0.0.1:8080"', 'listen = "8080"', "8080", "127.0.0.1:8080"),
        ("[delivery]", "[[pilot]]\n[delivery]", "pilot", "可用的设置"),
        ("[delivery]", "[[limit]]\n[delivery]", "limit[1].domains", "domains ="),
        ("[delivery]", "[[limit]]\ndomains = []\n[delivery]", "limit[1].domains", "min_length 1"),
        ("[delivery]", '[[limit]]\ndomains = "qq.com"\n[delivery]', "limit[1].domains", "列表"),
        ("[delivery]", '[[limit]]\ndomains = ["qq.com"]\nconnections = 65\n[delivery]', "connections", "le 64"),
        ("[delivery]", '[[limit]]\ndomain = ["qq.com"]\n[delivery]', "limit[1].domain", "是不是 domains"),
        ("[delivery]", '[[smtp]]\nurl = ""\nmessages_per_connection = 0\n[delivery]', "messages_per", "ge 1"),
        ("[delivery]", '[[smtp]]\nurl = ""\nreturn_path = "VERP"\n[delivery]', "VERP", "'sender', 'verp'"),
        ("[delivery]", "[dkim]\n[delivery]", "dkim.selector", "selector ="),
        ("[delivery]", "[delivry]", "delivry", "delivery"),
        ('title = "公开订阅"', "title = 7", "title", "英文引号"),
        ("[[section]]", "[[section]]\ncolour = 'green'", "colour", "#2f6f4e"),
        ("[publication]", "[publication]\n[publication]", "TOML", "settings.md"),
        ("Asia/Shanghai", "Asia/Shanghia", "Asia/Shanghia", "是不是 Asia/Shanghai"),
        ("Asia/Shanghai", "asia/shanghai", "asia/shanghai", "是不是 Asia/Shanghai"),
        ("Asia/Shanghai", "北京时间", "北京时间", "北京时间是 Asia/Shanghai"),
        ("Asia/Shanghai", "UTC+8", "UTC+8", "北京时间是 Asia/Shanghai"),
        ("Asia/Shanghai", "Europe/Berln", "Europe/Berln", "是不是 Europe/Berlin"),
        ("Asia/Shanghai", "", "没有这个时区", "Asia/Shanghai"),
        ('lists = ["members", "public"]', "lists = []", "schedule[1].lists", "min_length 1"),
        ('sections = "preferred"', "sections = []", "sections 是空的", "preferred"),
        ('max_age = "10d"', 'pilot = "staff"', "schedule[1].pilot", '{ list = "staff", hold = "2h" }'),
        ('max_age = "10d"', 'pilot = { list = "members" }', "schedule[1].pilot.hold", "hold ="),
        ('max_age = "10d"', 'pilot = { lst = "members", hold = "2h" }', "schedule[1].pilot.lst", "是不是 list"),
        ('max_age = "10d"', 'pilot = { list = "staff", hold = "2h" }', "没有这个名单：staff", "members、public"),
        ('max_age = "10d"', 'pilot = { list = "public", hold = "soon" }', "时长写法不对：soon", "12h"),
        ('max_age = "10d"', 'pilot = { list = "public", hold = "0h" }', "时长写法不对：0h", "12h"),
        ('max_age = "10d"', 'pilot = { list = "public", hold = "8d" }', "hold 太长：8d", "最长 7d"),
        ('max_age = "10d"', 'remind = "17"', "时长写法不对：17", "12h"),
        ('max_age = "10d"', 'remind = "2w"', "remind 太长：2w", "最长 7d"),
        ('max_age = "10d"', 'approval = "是"', "schedule[1].approval", "true 或 false"),
    ],
)
def test_fault_names_what_was_written_and_the_remedy(
    tmp_path: Path, old: str, new: str, line_text: str, remedy: str
) -> None:
    message = refusal(write(tmp_path, SAMPLE.replace(old, new, 1)))

    assert line_text in message
    assert remedy in message
    assert re.search(r"^distributor\.toml:\d+: ", message, re.MULTILINE)


def test_two_schedules_with_one_id_are_named_at_the_second(tmp_path: Path) -> None:
    text = SAMPLE + '\n[[schedule]]\nid = "weekly"\nwhen = "Thu 14:00"\nlists = ["public"]\n'
    second = text.splitlines().index("[[schedule]]", text.splitlines().index("[[schedule]]") + 1) + 2

    assert f"distributor.toml:{second}: [[schedule]] 的 id 重复：weekly" in refusal(write(tmp_path, text))


def test_table_of_its_own_for_the_pilot_has_its_line(tmp_path: Path) -> None:
    text = SAMPLE.replace("[web]", '[schedule.pilot]\nlist = "public"\nhold = "8d"\n\n[web]')
    line = text.splitlines().index('hold = "8d"') + 1

    assert f"distributor.toml:{line}: hold 太长" in refusal(write(tmp_path, text))


def test_longest_hold_and_reminder_are_accepted(tmp_path: Path) -> None:
    text = SAMPLE.replace('max_age = "10d"', 'remind = "7d"\npilot = { list = "public", hold = "7d" }')

    assert loader.load(write(tmp_path, text), {}).settings.schedule[0].remind == "7d"


def test_reading_goes_on_with_stand_ins_for_what_is_misshapen(tmp_path: Path) -> None:
    text = SAMPLE.replace('name = "members"', "name = 7").replace("Asia/Shanghai", "Asia/Shanghia")

    reading = loader.read(write(tmp_path, text), {})

    assert reading.incomplete == {"list"}
    assert len(reading.problems) == 2
    assert reading.config is not None
    assert reading.config.settings.schedule[0].when == "每周五 09:00"


def test_reading_nothing_can_be_made_of_has_no_settings(tmp_path: Path) -> None:
    reading = loader.read(write(tmp_path, "schema ="), {})

    assert reading.config is None
    assert len(reading.problems) == 1


def test_curly_quotes_are_explained_and_the_rest_is_still_checked(tmp_path: Path) -> None:
    text = SAMPLE.replace('title = "会员单位"', "title = “会员单位”").replace("Asia/Shanghai", "Asia/Shangai")

    message = refusal(write(tmp_path, text))

    assert "中文引号" in message
    assert "Asia/Shangai" in message


def test_curly_quotes_in_the_middle_of_a_line_are_named(tmp_path: Path) -> None:
    message = refusal(write(tmp_path, SAMPLE.replace('["members", "public"]', "[“members”]")))

    assert "“" in message
    assert "英文符号" in message


def test_byte_that_is_not_utf8_names_its_line(tmp_path: Path) -> None:
    (tmp_path / "distributor.toml").write_bytes(b'schema = 1\nname = "\xb5\xb6"\n')

    assert "distributor.toml:2: " in refusal(tmp_path)


def test_english_option_says_the_same(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        loader.load(write(tmp_path, SAMPLE.replace("Asia/Shanghai", "Asia/Shangai")), {})

    assert "no such time zone: Asia/Shangai → did you mean Asia/Shanghai?" in caught.value.text("en")


def test_workspace_is_found_from_a_folder_inside_it(tmp_path: Path) -> None:
    inside = write(tmp_path) / "content" / "2015-055"
    inside.mkdir(parents=True)

    assert loader.find_workspace(inside) == tmp_path.resolve()


def test_missing_workspace_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceNotFound, match="distributor init"):
        loader.find_workspace(tmp_path, tmp_path)


def test_unreadable_settings_are_the_machines_fault(tmp_path: Path) -> None:
    (tmp_path / "distributor.toml").mkdir()

    with pytest.raises(EnvironmentFault):
        loader.load(tmp_path, {})


def test_password_comes_from_a_private_file(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "smtp").write_text("s3cret\n")
    (tmp_path / "secrets" / "smtp").chmod(0o600)

    config = loader.load(write(tmp_path, SAMPLE + SMTP), {})

    password = config.secrets.smtp_passwords[0]
    assert password is not None
    assert password.get_secret_value() == "s3cret"


def test_password_of_the_environment_comes_first(tmp_path: Path) -> None:
    config = loader.load(write(tmp_path, SAMPLE + SMTP), {"DISTRIBUTOR_SMTP_PASSWORD": "other"})

    password = config.secrets.smtp_passwords[0]
    assert password is not None
    assert password.get_secret_value() == "other"


def test_second_server_has_its_own_variable(tmp_path: Path) -> None:
    text = SAMPLE + SMTP.replace('password_file = "secrets/smtp"\n', "") * 2

    config = loader.load(write(tmp_path, text), {"DISTRIBUTOR_SMTP_PASSWORD_2": "two"})

    assert [password and password.get_secret_value() for password in config.secrets.smtp_passwords] == [
        None,
        "two",
    ]


@pytest.mark.parametrize(
    ("content", "mode", "remedy"), [(None, 0, "密码写进"), ("x", 0o644, "chmod 600"), ("", 0o600, "空")]
)
def test_password_file_that_will_not_do_is_refused(tmp_path: Path, content: str | None, mode: int, remedy: str) -> None:
    if content is not None:
        (tmp_path / "secrets").mkdir()
        (tmp_path / "secrets" / "smtp").write_text(content)
        (tmp_path / "secrets" / "smtp").chmod(mode)

    assert remedy in refusal(write(tmp_path, SAMPLE + SMTP))


def test_every_password_file_that_will_not_do_is_named_with_the_other_faults(tmp_path: Path) -> None:
    servers = SMTP + SMTP.replace("secrets/smtp", "secrets/second")

    message = refusal(write(tmp_path, SAMPLE.replace("Asia/Shanghai", "Asia/Shanghia") + servers))

    for fault in ("distributor.toml:9: ", "secrets/smtp: ", "secrets/second: "):
        assert fault in message


def test_secrets_are_never_shown(tmp_path: Path) -> None:
    config = loader.load(write(tmp_path, SAMPLE + SMTP), {"DISTRIBUTOR_SMTP_PASSWORD": "s3cret"})

    assert "s3cret" not in repr(config)


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "zh"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LC_ALL": "C"}, "zh"),
        ({"LANG": "en_GB.UTF-8"}, "en"),
        ({"LANG": "en_GB.UTF-8", "DISTRIBUTOR_LANG": "zh"}, "zh"),
        ({"DISTRIBUTOR_LANG": "en"}, "en"),
        ({"LC_ALL": "zh_CN.UTF-8", "LANG": "en_US.UTF-8"}, "zh"),
    ],
)
def test_language_is_chinese_unless_the_locale_is_english(environment: dict[str, str], language: str) -> None:
    assert preferred_language(environment) == language
