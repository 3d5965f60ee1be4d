import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.rendering.subjects import PREHEADER_CHARACTERS, SUBJECT_CHARACTERS, preheader_of, subject_of
from tests.rendering.mails import issue, part, press, whole
from tests.rendering.publications import article

CHINESE = press().publication
ENGLISH = press(language="en", name="Energy Weekly").publication


def test_subject_is_the_editors() -> None:
    assert subject_of(issue(subject="履约  收官"), CHINESE) == "履约  收官"


def test_usual_subject_is_name_number_and_date() -> None:
    assert subject_of(issue(), CHINESE) == "节能减排信息动态 总第55期（2015年7月10日）"
    assert subject_of(issue(), ENGLISH) == "Energy Weekly No. 55 (10 July 2015)"


@pytest.mark.parametrize(
    ("written", "subject"),
    [
        ("一\r\nBcc: a@example.com", "一 Bcc: a@example.com"),
        ("一\x00二\x85三\u2028四", "一 二 三 四"),
        ("=?utf-8?B?5Lit?=", "= ?utf-8?B?5Lit?="),
        ("\t ", "节能减排信息动态 总第55期（2015年7月10日）"),
    ],
)
def test_subject_is_fit_for_a_header(written: str, subject: str) -> None:
    assert subject_of(issue(subject=written), CHINESE) == subject


@given(st.text())
def test_any_subject_becomes_one_short_printable_line(written: str) -> None:
    subject = subject_of(issue(subject=written), CHINESE)

    assert subject
    assert len(subject) <= SUBJECT_CHARACTERS
    assert "=?" not in subject
    assert len(subject.splitlines()) == 1


def test_preheader_of_the_whole_issue_is_the_lead_up_to_a_sentence() -> None:
    of = issue(lead="头一句说结论。" + "第二句说原因，" * 40 + "完。")

    assert preheader_of(whole(of), "zh-CN") == "头一句说结论。"


def test_preheader_of_a_part_names_its_own_articles() -> None:
    of = issue(lead="导语讲的是整期。")

    assert preheader_of(part(of, "policy", "notice"), "zh-CN") == "政策聚焦的头一篇；行业公告的头一篇"


def test_preheader_without_a_lead_takes_as_many_titles_as_fit() -> None:
    of = issue(*(article(f"2015-055-a{place:02d}", title="题" * 30) for place in range(1, 5)))

    line = preheader_of(whole(of), "zh-CN")

    assert line == "；".join(["题" * 30] * 2)
    assert len(line) <= PREHEADER_CHARACTERS
