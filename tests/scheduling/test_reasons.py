"""Stored reasons as sentences."""

import pytest

from distributor.scheduling.model import Reason
from distributor.scheduling.reasons import is_by_operator, reason_text, with_detail


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
