from collections.abc import Mapping
from datetime import timedelta

import pytest
from pydantic import TypeAdapter

from distributor.config.model import Limit, Places
from distributor.config.places import key_lines
from distributor.delivery.limits import Destination, Destinations, parse_limits
from distributor.delivery.pacing import Rate
from distributor.problems import Problem

A_DAY = Rate(count=500, window=timedelta(days=1))


def parsed(*tables: Mapping[str, object], text: str = "") -> tuple[tuple[Destination, ...], tuple[Problem, ...]]:
    limits = TypeAdapter(tuple[Limit, ...]).validate_python(tables)
    return parse_limits(limits, Places(path="distributor.toml", lines=key_lines(text)))


def said(problems: tuple[Problem, ...]) -> list[str]:
    return [problem.text("en") for problem in problems]


def test_a_limit_is_one_destination_for_all_of_its_domains() -> None:
    found, problems = parsed({"domains": ["qq.com", "foxmail.com"], "connections": 2, "rate": ["500/day"]})

    assert problems == ()
    assert found == (Destination(domains=("qq.com", "foxmail.com"), connections=2, rates=(A_DAY,)),)


@pytest.mark.parametrize("more", [{"connections": 1}, {"messages_per_connection": 10}, {"rate": ["1/秒"]}], ids=str)
def test_one_kind_of_limit_is_enough(more: Mapping[str, object]) -> None:
    found, problems = parsed({"domains": ["qq.com"], **more})

    assert problems == ()
    assert found[0].is_limited


@pytest.mark.parametrize(
    ("written", "domain"),
    [
        ("QQ.com", "qq.com"),
        ("例子.中国", "xn--fsqu00a.xn--fiqs8s"),
        ("XN--FSQU00A.xn--fiqs8s", "xn--fsqu00a.xn--fiqs8s"),
    ],
)
def test_a_domain_has_the_form_of_the_ledger(written: str, domain: str) -> None:
    found, _problems = parsed({"domains": [written], "connections": 1})

    assert found[0].domains == (domain,)


def test_other_domains_are_destinations_without_a_limit() -> None:
    limited, _problems = parsed({"domains": ["qq.com", "foxmail.com"], "connections": 1})
    destinations = Destinations(limited)

    assert destinations.of("foxmail.com") is destinations.of("qq.com") is limited[0]
    assert not destinations.of("example.com").is_limited
    assert destinations.of("mail.qq.com").domains == ("mail.qq.com",)  # a subdomain is another domain


def test_a_domain_is_the_same_destination_each_time() -> None:
    destinations = Destinations()

    assert destinations.of("example.com") is destinations.of("example.com")
    assert destinations.of("example.com") != destinations.of("example.org")


def test_a_scope_stays_the_same_when_domains_are_added_behind_the_first() -> None:
    before, _problems = parsed({"domains": ["qq.com"], "connections": 1})
    after, _problems = parsed({"domains": ["qq.com", "foxmail.com", "163.com"], "connections": 1})

    assert before[0].scope == after[0].scope == "domain:qq.com"
    assert after[0].name == "qq.com, foxmail.com, 163.com"


def test_a_limit_with_its_domain_alone_shares_the_scope_of_the_unlimited_domain() -> None:
    # So that a limit which is added while copies go counts nothing twice and nothing under another name.
    found, _problems = parsed({"domains": ["qq.com"], "connections": 1})

    assert found[0].scope == Destinations().of("qq.com").scope


@pytest.mark.parametrize("written", ["", "@qq.com", "reader@qq.com", "qq com", "qq..com", "*.qq.com", "[127.0.0.1]"])
def test_what_is_no_domain_is_a_problem(written: str) -> None:
    found, problems = parsed({"domains": [written, "163.com"], "connections": 1})

    assert said(problems) == [
        f'distributor.toml: not a domain: {written!r} → write what follows the @, such as "qq.com"'
    ]
    assert found[0].domains == ("163.com",)


def test_a_limit_that_limits_nothing_is_a_problem() -> None:
    _found, problems = parsed({"domains": ["qq.com"], "rate": []})

    assert "limits nothing" in said(problems)[0]
    assert "messages_per_connection" in problems[0].remedy.zh


def test_a_domain_in_two_limits_is_a_problem_however_it_is_written() -> None:
    _found, problems = parsed(
        {"domains": ["qq.com"], "connections": 1}, {"domains": ["163.com", "QQ.COM"], "connections": 1}
    )

    assert len(problems) == 1
    assert "qq.com is already in [[limit]] number 1" in said(problems)[0]


def test_a_domain_twice_in_one_limit_is_a_problem() -> None:
    found, problems = parsed({"domains": ["qq.com", "qq.com"], "connections": 1})

    assert "qq.com stands twice" in said(problems)[0]
    assert found[0].domains == ("qq.com",)


def test_every_fault_is_named_at_once_with_its_line() -> None:
    text = (
        '[[limit]]\ndomains = ["qq.com", "no domain"]\nrate = ["fast", "500/day"]\n'
        '\n[[limit]]\ndomains = ["163.com"]\n\n[[limit]]\ndomains = ["qq.com"]\nconnections = 1\n'
    )
    tables = (
        {"domains": ["qq.com", "no domain"], "rate": ["fast", "500/day"]},
        {"domains": ["163.com"]},
        {"domains": ["qq.com"], "connections": 1},
    )

    _found, problems = parsed(*tables, text=text)

    assert sorted((problem.line, problem.what.en) for problem in problems) == [
        (2, "not a domain: 'no domain'"),
        (3, "the rate 'fast' cannot be read"),
        (5, "this [[limit]] limits nothing"),
        (9, "qq.com is already in [[limit]] number 1"),
    ]
