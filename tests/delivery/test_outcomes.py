"""What servers answer, from their published lists, and what becomes of the copy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributor.delivery.model import Accepted, Deferred, Refused, Reply
from distributor.delivery.outcomes import RULES, classify, outcome_of


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
]
FULL = [
    reply(452, "The email account that you tried to reach is over quota", "4.2.2"),
    reply(552, "Mailbox full", "5.2.2"),
    reply(552, "Requested mail action aborted: exceeded storage allocation"),
    reply(550, "Quota exceed the hard limit for user"),
    reply(550, "收件人空间不足 (quota)"),
    reply(552, "Mailbox size limit exceeded"),
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
]
LATER = [
    reply(450, "Requested mail action not taken: mailbox unavailable"),
    reply(451, "DT:SPM ,please try again 163 smtp1"),
    reply(451, "Requested action aborted: local error in processing"),
    reply(450, "<a@example.org>: Recipient address rejected: unverified address: unknown user", "4.1.1"),
    reply(550, "Temporarily blocked, 稍后再试"),
    reply(421, "Service not available, closing transmission channel", "4.3.2"),
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
    reply(550, "User in blacklist"),
]
BIG = [
    reply(552, "Message size exceeds fixed maximum message size", "5.3.4"),
    reply(552, "Requested mail action aborted: exceeded mailsize limit"),
    reply(552, "message is too long"),
    reply(552, "Error: Too much mail data"),
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
