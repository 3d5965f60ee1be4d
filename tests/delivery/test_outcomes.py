"""What servers answer, from their published lists, and what becomes of the copy."""

import re
from datetime import timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.delivery import breakers
from distributor.delivery.model import Accepted, Deferred, Refused, Reply
from distributor.delivery.outcomes import RULES, Reason, classify, outcome_of
from distributor.identifiers import DeliveryId
from tests import documents

OUTCOMES = documents.REFERENCE / "outcomes.md"


def reply(code: int, text: str = "", enhanced: str = "") -> Reply:
    return Reply(code=code, enhanced=enhanced, text=text)


TOO_FAST = [
    reply(550, "Sender frequency limited. http://service.mail.qq.com/detail/0/1040"),
    reply(550, "Domain frequency limited"),
    reply(550, "Connection frequency limited"),
    reply(550, "Ip frequency limited"),
    # One reader of QQ got too much in a short time; its list calls that a pause, not a missing mailbox.
    reply(550, "Mailbox unavailable or access denied"),
    reply(421, "HL:REP 163 smtp4,DtGowAD3"),
    reply(421, "HL:ICC 163 smtp4,DtGowAD3"),
    reply(421, "HL:IFC 163 smtp4,DtGowAD3"),
    reply(421, "HL:MEP 163 smtp4,DtGowAD3"),
    reply(450, "MI:DMC 163 smtp1"),
    reply(450, "MI:CEL 163 smtp1"),
    reply(450, "RP:DRC 163 smtp1"),
    reply(451, "MI:SFQ 163 smtp1"),
    reply(550, "RP:TRC 163 smtp1"),
    reply(
        554, "Reject by behaviour spam at Rcpt State(Connection IP address:*)ANTISPAM_BAT[0]: too frequently sending"
    ),
    reply(454, "Transient reject by behaviour spam at DATA State(...)ANTISPAM_BAT[0]: currently unexpected sending"),
    reply(552, "too many same size mails"),
    reply(452, "Connection rate limit exceeded.", "4.3.2"),
    reply(421, "Our system has detected an unusual rate of unsolicited mail", "4.7.28"),
    reply(
        554,
        "Your message could not be sent. The limit on the number of allowed messages was exceeded. Try later",
        "5.7.0",
    ),
    # NetEase counts by day as well, and suspends a host for a while.
    reply(451, "RP:QRC 163 smtp1"),
    reply(550, "MI:STC 163 smtp1"),
    reply(554, "MI:STC 163 smtp1"),
    reply(554, "HL:IHU 163 smtp1"),
    reply(450, "MI:CCL 163 smtp1"),
    reply(450, "RP:CCL 163 smtp1"),
    reply(451, "RP:CEL 163 smtp1"),
    reply(550, "RP:RCL 163 smtp1"),
    reply(554, "IP is rejected, smtp auth error limit exceed"),
    reply(550, "Requested mail action not taken: too much recipient"),
    # Gmail says 5.2.1 of a reader who gets too much at once.
    reply(450, "The user you are trying to contact is receiving mail too quickly.", "4.2.1"),
    reply(550, "The user you are trying to contact is receiving mail at a rate that prevents it", "5.2.1"),
    reply(550, "Our system has detected an unusual rate of unsolicited mail", "5.7.28"),
    reply(550, "Our system has detected an unusual rate of unsolicited mail", "5.7.1"),
    reply(550, "Daily sending quota exceeded.", "5.4.5"),
    reply(550, "sending quota exceeded"),
    reply(451, "The mail server has been temporarily rate limited due to IP reputation.", "4.7.650"),
    reply(421, "RP-001 The mail server IP connecting to Outlook.com has exceeded the rate limit allowed."),
    reply(421, "RP-003 The mail server IP connecting to Outlook.com has exceeded the connection limit allowed."),
]
FULL = [
    reply(452, "The email account that you tried to reach is over quota", "4.2.2"),
    reply(552, "Mailbox full", "5.2.2"),
    reply(552, "Requested mail action aborted: exceeded storage allocation"),
    reply(550, "Quota exceed the hard limit for user"),
    reply(550, "收件人空间不足"),
    reply(552, "Mailbox size limit exceeded"),
    reply(552, "The email account that you tried to reach is over quota.", "5.2.2"),
    reply(550, "mail box space not enough"),
    reply(550, "Quota exceeded"),
    reply(550, "mailbox is full"),
]
GREY = [
    reply(450, "<a@example.org>: Recipient address rejected: Greylisted for 5 minutes", "4.7.1"),
    reply(451, "Greylisting in action, please come back later", "4.7.1"),
    reply(450, "Graylisted", "4.2.0"),
]
OURS = [
    reply(554, "<a@example.org>: Relay access denied", "5.7.1"),
    reply(550, "Unable to relay", "5.7.54"),
    reply(554, "Service unavailable; Client host [192.0.2.1] blocked using zen.example.org", "5.7.1"),
    reply(553, "<weekly@example.com>: Sender address rejected: not owned by user office", "5.7.1"),
    reply(553, "Requested action not taken: Local user only"),
    # NetEase's "this user" is the sender, and its SUM compares envelope and header.
    reply(550, "User in blacklist"),
    reply(554, "IP in blacklist"),
    reply(554, "HL:IPB 163 smtp1"),
    reply(554, "MI:SPB 163 smtp1"),
    reply(550, "RP:FRL 163 smtp1"),
    reply(554, "DT:SUM 163 smtp1"),
    reply(450, "DT:RBL 163 smtp1"),
    reply(450, "WM:BLI 163 smtp1"),
    reply(450, "WM:BLU 163 smtp1"),
    reply(553, "Requested action not taken: NULL sender is not allowed"),
    reply(553, "Requested action not taken: no smtp MX only"),
    reply(554, "Reject by behaviour spam at DATA State(Connection IP address:*)ANTISPAM_BAT[]:list on rbl sites"),
    # Sina: its "mail address" is the sender's.
    reply(550, "black ip."),
    reply(552, "mail from invalid."),
    reply(553, "host denies the sender."),
    reply(553, "host denies relay."),
    reply(553, "relay check domain fail"),
    reply(554, "sender is unvalidated."),
    reply(554, "mail address invalid."),
    reply(554, "rbl deny."),
    reply(554, "openrelay check."),
    reply(555, "helohost error."),
    reply(556, "remote ip check error."),
    reply(550, "part of their network is on our block list (S3150).", "5.7.1"),
    reply(550, "Access denied, banned sending IP 192.0.2.1", "5.7.606"),
    reply(550, "Service unavailable. Access denied, traffic not accepted from this IP.", "5.7.708"),
    reply(550, "The IP you're using is not authorized. Please use the SMTP relay at your provider.", "5.7.1"),
]
LATER = [
    reply(450, "Requested mail action not taken: mailbox unavailable"),
    reply(451, "DT:SPM ,please try again 163 smtp1"),
    reply(451, "Requested action aborted: local error in processing"),
    reply(450, "<a@example.org>: Recipient address rejected: unverified address: unknown user", "4.1.1"),
    reply(550, "Temporarily blocked, 稍后再试"),
    reply(421, "Service not available, closing transmission channel", "4.3.2"),
    reply(450, "queue unavailable."),
    reply(450, "mailbox unavailable."),
    reply(450, "database temporary error."),
    reply(451, "out of allow RCPT numbers."),
    reply(421, "Try again later, closing connection.", "4.7.0"),
    reply(554, "This account has been temporarily suspended"),
]
UNKNOWN = [
    reply(550, "<a@example.org>: Recipient address rejected: User unknown in virtual mailbox table", "5.1.1"),
    reply(550, "Mailbox not found. http://service.mail.qq.com/detail/122/1040"),
    reply(550, "Invalid User"),
    reply(550, "User not found: a@example.org"),
    reply(550, "no such user here"),
    reply(550, "The email account that you tried to reach does not exist.", "5.1.1"),
    reply(550, "RESOLVER.ADR.RecipientNotFound", "5.1.10"),
    reply(554, "recipient does not exist"),
    reply(550, "User suspended"),
    reply(550, "用户不存在"),
    reply(501, "Bad recipient address syntax", "5.1.3"),
    reply(550, "User unknown"),
    reply(550, "该用户不存在"),
    reply(550, "该用户未开通QQ邮箱"),
    reply(501, "Bad address syntax."),
    reply(550, "unavailable mail user"),
    reply(550, "user disabled"),
    reply(550, "user not known"),
    reply(550, "local server don't exists that user"),
    reply(550, "recipient does not have an account"),
    reply(554, "delivery error: dd This user doesn't have a yahoo.com account"),
    reply(550, "not user of this server"),
    reply(552, "Requested mail action aborted, mailbox not found"),
    reply(550, "The email account that you tried to reach is disabled.", "5.2.1"),
]
POLICY = [
    reply(550, "Mail content denied. http://service.mail.qq.com/detail/122/1011"),
    reply(550, "Mail is rejected by recipients"),
    reply(550, "Suspected spam sender"),
    reply(550, "DMARC check failed"),
    reply(554, "DT:SPM 163 smtp1"),
    reply(550, "MI:SPF 163 smtp1"),
    reply(554, "Reject by behaviour spam at DATA State(Connection IP address:*)ANTISPAM_BAT[0]: bad sending"),
    reply(550, "Message refused", "5.7.1"),
    reply(550, "Gmail requires all senders to authenticate with either SPF or DKIM.", "5.7.26"),
    reply(550, "Access denied, sending domain does not meet the required authentication level", "5.7.515"),
    reply(550, "Error: content rejected"),
    reply(550, "MI:NHD 163 smtp1"),
    reply(550, "MI:IMF 163 smtp1"),
    reply(550, "MI:DMA 163 smtp1"),
    reply(550, "DT:SPM 163 smtp1"),
    reply(552, "Illegal Attachment"),
    reply(552, "message rejected by anti-spam engine."),
    reply(552, "Virus found."),
    reply(553, "private list access denied."),
    reply(554, "Black mail address."),
    reply(552, "content and attachment content guidelines", "5.7.0"),
    reply(550, "Our system has detected that this message is likely unsolicited mail.", "5.7.1"),
    reply(550, "SC-001 Mail rejected by Outlook.com for policy reasons."),
]
BIG = [
    reply(552, "Message size exceeds fixed maximum message size", "5.3.4"),
    reply(552, "Requested mail action aborted: exceeded mailsize limit"),
    reply(552, "message is too long"),
    reply(552, "Error: Too much mail data"),
    reply(554, "attachment is too long."),
    reply(552, "Your message exceeded Google's message size limits.", "5.3.4"),
]
LOGIN = [
    reply(530, "Must issue a STARTTLS command first", "5.7.0"),
    reply(530, "Authentication required", "5.7.0"),
    reply(535, "Login Fail. Please enter your authorization code to login"),
    reply(538, "Encryption required for requested authentication mechanism"),
    reply(534, "Please log in with your web browser", "5.7.9"),
    reply(454, "Temporary authentication failure", "4.7.0"),
    reply(454, "TLS not available due to temporary reason"),
    reply(553, "authentication is required,163 smtp1"),
    reply(550, "You must authenticate before sending"),
    reply(503, "5.5.1 Error: authentication first"),
]


def named(replies: list[Reply]) -> list[object]:
    return [pytest.param(one, id=f"{one.code} {one.enhanced} {one.text[:40]}") for one in replies]


@pytest.mark.parametrize("said", named(TOO_FAST))
def test_too_fast_is_deferred_even_as_a_550(said: Reply) -> None:
    assert (classify(said).verdict, classify(said).reason) == ("deferred", "too_fast")


@pytest.mark.parametrize("said", named(FULL))
def test_a_full_mailbox_is_deferred(said: Reply) -> None:
    assert (classify(said).verdict, classify(said).reason) == ("deferred", "mailbox_full")


@pytest.mark.parametrize("said", named(GREY))
def test_greylisting_is_deferred(said: Reply) -> None:
    assert (classify(said).verdict, classify(said).reason) == ("deferred", "greylisted")


@pytest.mark.parametrize("said", named(OURS))
def test_what_blames_the_sending_side_marks_no_reader_bad(said: Reply) -> None:
    assert (classify(said).verdict, classify(said).reason) == ("deferred", "not_our_relay")


@pytest.mark.parametrize("said", named(LATER))
def test_a_temporary_answer_is_deferred(said: Reply) -> None:
    assert isinstance(outcome_of(said), Deferred)


@pytest.mark.parametrize("said", named(UNKNOWN))
def test_an_unknown_user_is_refused_and_known_as_such(said: Reply) -> None:
    assert (classify(said).verdict, classify(said).reason) == ("refused", "unknown_user")


@pytest.mark.parametrize("said", named(POLICY))
def test_a_policy_refusal_says_nothing_about_the_mailbox(said: Reply) -> None:
    assert (classify(said).verdict, classify(said).reason) == ("refused", "policy")


@pytest.mark.parametrize("said", named(BIG))
def test_a_message_that_is_too_big_is_refused(said: Reply) -> None:
    assert (classify(said).verdict, classify(said).reason) == ("refused", "too_big")


@pytest.mark.parametrize("said", named(LOGIN))
def test_a_missing_login_is_the_servers_affair_and_deferred_at_worst(said: Reply) -> None:
    assert classify(said).verdict == "server"
    assert isinstance(outcome_of(said), Deferred)


@pytest.mark.parametrize("code", [200, 250, 251, 252])
def test_two_hundred_and_more_is_accepted(code: int) -> None:
    assert outcome_of(reply(code, "OK")) == Accepted(reply=reply(code, "OK"))


def test_any_other_5xx_is_refused() -> None:
    assert outcome_of(reply(571, "no")) == Refused(reply=reply(571, "no"))


@pytest.mark.parametrize(
    "said", [Reply(code=None, text="connection lost"), reply(354), reply(334), reply(99), reply(650)]
)
def test_finding_11_no_answer_or_an_unreadable_one_is_never_a_refusal(said: Reply) -> None:
    assert isinstance(outcome_of(said), Deferred)
    assert classify(said).reason == "no_answer"


@given(st.one_of(st.none(), st.integers(0, 999)), st.text(), st.sampled_from(["", "4.2.2", "5.1.1", "5.7.1", "2.0.0"]))
def test_every_reply_has_an_outcome_that_its_first_digit_allows(code: int | None, text: str, enhanced: str) -> None:
    outcome = outcome_of(Reply(code=code, enhanced=enhanced, text=text))

    assert isinstance(outcome, Accepted) == (code is not None and 200 <= code <= 299)
    assert isinstance(outcome, Deferred) or code is None or code // 100 in {2, 5}


def test_no_row_of_the_table_is_without_effect() -> None:
    seen = {
        classify(said) for group in (TOO_FAST, FULL, GREY, OURS, LATER, UNKNOWN, POLICY, BIG, LOGIN) for said in group
    }
    seen |= {classify(reply(250)), classify(reply(571))}

    assert [rule for rule in RULES if rule not in seen] == []


SHOWN = documents.rows(documents.section(OUTCOMES, "What servers say"))
DONE = documents.rows(documents.section(OUTCOMES, "What the program does"))
TRIPS = re.compile(r"after (?P<count>\d+) .*in a row: (?P<rests>.+) (?P<unit>minutes|hours)")


def parsed(line: str) -> Reply:
    code, _, rest = line.partition(" ")
    found = re.match(r"(?P<enhanced>[245]\.\d+\.\d+ )?(?P<text>.*)", rest)
    assert found is not None
    return reply(int(code), found["text"], (found["enhanced"] or "").strip())


def test_page_shows_an_example_of_every_row_in_the_order_of_the_table() -> None:
    assert [classify(parsed(line)) for line in SHOWN] == list(RULES)


@pytest.mark.parametrize(("line", "cells"), SHOWN.items(), ids=SHOWN)
def test_page_gives_the_reason_that_the_program_finds(line: str, cells: list[str]) -> None:
    assert classify(parsed(line)).reason == cells[0]


@pytest.mark.parametrize("reason", get_args(Reason))
def test_page_tells_what_becomes_of_a_copy_for_every_reason(reason: str) -> None:
    replies = [parsed(line) for line, cells in SHOWN.items() if cells[0] == reason] or [Reply(code=None)]

    assert DONE[reason][0] == " or ".join(sorted({type(outcome_of(one)).__name__.lower() for one in replies}))


@pytest.mark.parametrize("reason", get_args(Reason))
def test_page_tells_when_a_domain_is_left_alone(reason: str) -> None:
    said = [outcome_of(parsed(line)) for line, cells in SHOWN.items() if cells[0] == reason]
    breaker, rests = breakers.for_domain(), []
    for number in range(100):
        tripped = breaker.hear(DeliveryId(number), said[-1] if said else Deferred(reply=Reply(code=None)))
        breaker.resume()
        rests += [] if tripped is None else [(number + 1, tripped.rest)]

    assert rests[:5] == told_rests(DONE[reason][2])


def told_rests(cell: str) -> list[tuple[int, timedelta | None]]:
    """Return after how many outcomes in a row a domain rests, and for how long, as the page says: five times."""
    found = TRIPS.fullmatch(cell)
    if found is None:
        assert cell == "no"
        return []
    lengths = [timedelta(**{found["unit"]: int(one)}) for one in re.findall(r"\d+", found["rests"])]
    return [(int(found["count"]) + place, rest) for place, rest in enumerate([*lengths, lengths[-1]])]


def test_page_tells_when_a_mailing_stops() -> None:
    page = documents.read(OUTCOMES)

    assert f"连续被拒 {breakers.REFUSALS_OF_A_MAILING} 份" in page
    assert f"At {breakers.REFUSALS_OF_A_MAILING} refusals in a row" in page
