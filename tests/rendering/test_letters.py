"""Letters to operators: remedies parted into steps and commands, and both bodies made of them."""

import pytest

from distributor.errors import TemplateError
from distributor.rendering.letters import LetterFrame, Step, Trouble, plain_letter, render_troubles, steps_of
from distributor.rendering.templates import Templates
from tests.offices import REPOSITORY

TEMPLATES = Templates((REPOSITORY / "templates",))
FRAME = LetterFrame(language="zh-CN", publication="周刊", heading="一件事", workspace="weekly", host="mail")


def trouble(title: str = "错过了", what: str = "没有发送", remedy: str = "运行 distributor status") -> Trouble:
    return Trouble(
        title=title, about="weekly", urgent=True, since="2015-07-10 09:00", what=(what,), todo=steps_of(remedy)
    )


def commands(steps: tuple[Step, ...]) -> list[list[str]]:
    return [[piece.text for piece in step.pieces if piece.is_command] for step in steps]


@pytest.mark.parametrize(
    ("remedy", "expected"),
    [
        pytest.param("改好后再运行一次", [[]], id="no command"),
        pytest.param("运行 distributor check 55，再等", [["distributor check 55"]], id="ends at a Chinese mark"),
        pytest.param(
            "补发：distributor schedule send-now weekly/2015-W28#1；不发就不用管",
            [["distributor schedule send-now weekly/2015-W28#1"], []],
            id="two steps",
        ),
        pytest.param(
            "distributor ready 2015-055，distributor approve 2015-055 --by 姓名",
            [["distributor ready 2015-055", "distributor approve 2015-055 --by"]],
            id="two commands in a step",
        ),
        pytest.param("run `distributor check`; then wait", [["distributor check"], []], id="between backticks"),
        pytest.param("look at `distributor status 3`, or at distributor itself", [["distributor status 3"]], id="one"),
    ],
)
def test_a_remedy_is_parted_into_steps_and_commands(remedy: str, expected: list[list[str]]) -> None:
    assert commands(steps_of(remedy)) == expected


def test_no_word_of_a_remedy_is_lost() -> None:
    assert [step.text for step in steps_of("先看 distributor status 3，再定；不急")] == [
        "先看 distributor status 3，再定",
        "不急",
    ]


def test_a_command_stands_unbroken_in_the_plain_text() -> None:
    long = f"distributor schedule send-now {'w' * 60}/2015-W28#1"

    _page, text = render_troubles(TEMPLATES, FRAME, [trouble(remedy=f"补发：{long}")])

    assert f"- 补发：{long}\n" in text


def test_what_a_file_says_cannot_break_the_page() -> None:
    page, _text = render_troubles(TEMPLATES, FRAME, [trouble(what="<script>alert(1)</script> & more")])

    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_each_trouble_is_named_where_there_are_several() -> None:
    page, text = render_troubles(TEMPLATES, FRAME, [trouble("错过了"), trouble("暂停了")])

    for title in ("错过了", "暂停了"):
        assert title in page
        assert f"【要有人处理】{title}" in text


def test_a_letter_needs_no_template_at_the_worst() -> None:
    page, text = plain_letter(FRAME, [trouble(what="<b>没有发送</b>")])

    assert "&lt;b&gt;" in page
    assert "- 运行 distributor status" in text


def test_a_broken_template_is_named() -> None:
    folder = REPOSITORY / "templates" / "site"

    with pytest.raises(TemplateError, match=r"operators\.html"):
        render_troubles(Templates((folder,)), FRAME, [trouble()])
