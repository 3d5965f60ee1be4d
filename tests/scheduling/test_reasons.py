"""Stored reasons as sentences."""

from datetime import timedelta

import pytest

from distributor.scheduling.model import Reason
from distributor.scheduling.reasons import (
    WAITING,
    is_by_operator,
    is_fixed,
    missed_code,
    reason_text,
    with_detail,
    words_of,
)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_sentence_in_both_languages(reason: Reason) -> None:
    sentence = reason_text(reason)

    assert bool(sentence.zh) == bool(sentence.en) == (reason is not Reason.NONE)


@pytest.mark.parametrize(
    ("seconds", "zh", "en"),
    [
        (46800, "已晚 13 小时，", "13 h late"),
        (45000, "已晚 12 小时 30 分钟，", "12 h 30 min late"),
        (600, "已晚 10 分钟，", "10 min late"),
        (5, "已晚 0 分钟，", "0 min late"),
    ],
)
def test_lateness_is_told_in_hours_and_minutes(seconds: int, zh: str, en: str) -> None:
    sentence = reason_text(with_detail(Reason.LATE, str(seconds)))

    assert zh in sentence.zh
    assert en in sentence.en


def test_operator_s_own_words_are_kept() -> None:
    code = with_detail(Reason.OPERATOR, "国庆停刊：不发")

    assert reason_text(code).zh == "人工决定：国庆停刊：不发"
    assert is_by_operator(code)


def test_only_operators_decisions_are_theirs() -> None:
    assert is_by_operator(Reason.OPERATOR)
    assert not is_by_operator(Reason.HOLIDAY)


@pytest.mark.parametrize(
    ("code", "word", "cause"),
    [
        ("", Reason.NONE, Reason.NONE),
        ("late:46800", Reason.NONE, Reason.LATE),
        ("restored:2015-055", Reason.NONE, Reason.RESTORED),
        ("operator:国庆/停刊", Reason.OPERATOR, Reason.NONE),
        ("pilot", Reason.PILOT, Reason.NONE),
        ("pilot/approval", Reason.PILOT, Reason.APPROVAL),
        ("despite-log/no-issue", Reason.DESPITE_LOG, Reason.NO_ISSUE),
    ],
)
def test_code_is_a_word_and_a_cause(code: str, word: Reason, cause: Reason) -> None:
    assert words_of(code) == (word, cause)
    assert is_fixed(code) == (word is not Reason.NONE)
    assert is_by_operator(code) == (word in (Reason.OPERATOR, Reason.DESPITE_LOG))


@pytest.mark.parametrize(
    ("before", "code"),
    [
        ("", "late:3600"),
        ("pilot", "late:3600"),
        ("operator:急", "late:3600"),
        *((str(cause), f"{cause}:3600") for cause in WAITING),
        ("pilot/draft", "draft:3600"),
    ],
)
def test_missed_slot_tells_what_it_waited_for(before: str, code: str) -> None:
    assert missed_code(before, timedelta(hours=1)) == code


@pytest.mark.parametrize(
    ("code", "zh"),
    [
        ("pilot/approval", "试发已发出，其余的人还没有发：等待核准"),
        ("pilot:等主任", "试发已发出，其余的人还没有发：等主任"),
        ("approval:3600", "等待核准，已晚 1 小时，超过补发时限"),
        ("restored:2015-055", "launches.log 记着已经发出，数据库却不知道（恢复过备份？）：2015-055"),
    ],
)
def test_word_cause_and_detail_make_one_sentence(code: str, zh: str) -> None:
    assert reason_text(code).zh == zh
