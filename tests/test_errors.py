import inspect

import pytest

from distributor import errors
from distributor.errors import (
    ConfigError,
    DatabaseFault,
    DistributorError,
    EnvironmentFault,
    HeldError,
    InputError,
    ServerFault,
)
from distributor.problems import Problem, faults, in_reading_order, wording

TREE = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, DistributorError) and not kind.__name__.startswith("_")
]


def problem(line: int | None = 4, path: str = "content/2015-055/a04.md", *, warning: bool = False) -> Problem:
    return Problem(
        path=path,
        line=line,
        what=wording("没有标题", "the title is missing"),
        remedy=wording("加上 title: …", "add title: …"),
        warning=warning,
    )


@pytest.mark.parametrize("kind", TREE)
def test_every_error_stands_in_the_drawn_tree(kind: type[DistributorError]) -> None:
    assert kind.__name__ in (errors.__doc__ or "")
    assert f"exit {kind.exit_code}" in (errors.__doc__ or "")


@pytest.mark.parametrize("kind", TREE)
def test_docstring_is_the_default_message(kind: type[DistributorError]) -> None:
    assert kind().text("en") == (kind.__doc__ or "").splitlines()[0]
    assert kind().text("zh") == kind.chinese


@pytest.mark.parametrize(
    ("kind", "code"),
    [(DistributorError, 1), (InputError, 2), (ConfigError, 2), (EnvironmentFault, 3), (HeldError, 4)],
)
def test_exit_code_says_what_kind_of_failure_it_was(kind: type[DistributorError], code: int) -> None:
    assert kind.exit_code == code


@pytest.mark.parametrize(
    ("kind", "standard"), [(InputError, ValueError), (DatabaseFault, OSError), (ServerFault, ConnectionError)]
)
def test_error_is_also_of_its_standard_category(kind: type[DistributorError], standard: type[Exception]) -> None:
    assert issubclass(kind, standard)


def test_config_error_is_outside_what_loops_catch() -> None:
    assert not issubclass(ConfigError, (EnvironmentFault, HeldError))


def test_problem_reads_as_place_fault_and_remedy() -> None:
    assert problem().text() == "content/2015-055/a04.md:4: 没有标题 → 加上 title: …"
    assert problem().text("en") == "content/2015-055/a04.md:4: the title is missing → add title: …"


def test_warning_says_that_it_refuses_nothing() -> None:
    warned = problem(warning=True)

    assert "提醒：" in warned.text()
    assert faults([warned, problem()]) == (problem(),)


def test_problems_are_sorted_as_an_editor_reads() -> None:
    late, early, whole = problem(9), problem(2), problem(None)

    assert in_reading_order([late, early, whole]) == (whole, early, late)


def test_input_error_lists_its_problems_before_the_summary() -> None:
    error = InputError(wording("已拒绝", "refused"), problems=[problem()])

    assert error.text().splitlines() == [problem().text(), "已拒绝"]
    assert error.text("en").splitlines() == [problem().text("en"), "refused"]


def test_every_error_has_a_chinese_message_of_its_own() -> None:
    assert len({kind.chinese for kind in TREE}) == len(TREE)
