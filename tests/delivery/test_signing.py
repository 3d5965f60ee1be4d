"""DKIM signatures, judged by dkimpy, which shares no line with ours; DNS is a function, no network is asked."""

import re
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import dkim.canonicalization
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from distributor.addresses import Address
from distributor.config.model import Dkim, Places
from distributor.delivery import headers, signing
from distributor.delivery.compose import MessageForm, compose, picture_part, prepare_form
from distributor.delivery.headers import Header, value_header
from distributor.delivery.model import Accepted, Envelope
from distributor.delivery.transport import SmtpTransport
from distributor.errors import DistributorError
from distributor.rendering.model import InlinePicture, Rendition
from tests import dkim_keys
from tests.delivery import letters, rfc2047
from tests.delivery.letters import ADDRESS_MARK, TOKEN, TOKEN_MARK
from tests.dkim_keys import verifies
from tests.smtp_servers import Sink, serving

PICTURE = InlinePicture(cid="p1@news.example.com", media_type="image/png", filename="图1.png", content=b"\x89P" * 900)
PLACES = Places(path="distributor.toml", lines=MappingProxyType({("dkim", "domain"): 7, ("dkim", "selector"): 8}))


def signed_form(of: Rendition | None = None, head: Any = None, **changes: Any) -> MessageForm:
    return prepare_form(
        head or letters.letterhead(),
        letters.mailing(**changes),
        of or letters.rendition(),
        pictures={PICTURE.cid: picture_part(PICTURE)},
        signer=dkim_keys.signer(),
    )


def signed(of: Rendition | None = None, **copy: Any) -> bytes:
    return compose(signed_form(of), letters.copy(**copy), TOKEN)


async def as_received(message: bytes) -> bytes:
    """Return the message as a real server has it after SMTP."""
    sink = Sink()
    async with serving(sink) as running:
        session = await SmtpTransport(running.server()).open()
        outcome = await session.send(Envelope(sender="weekly@news.example.com", recipient="a@example.org"), message)
        await session.close()
    assert isinstance(outcome, Accepted)
    return sink.received[0].content


def signature_of(message: bytes) -> str:
    name, value = headers.split_headers(message)[0]
    assert name == "DKIM-Signature"
    return re.sub(r"\r\n\s", " ", value.decode("ascii"))


def tags_of(message: bytes) -> dict[str, str]:
    return {
        name.strip(): re.sub(r"\s", "", value)
        for name, _, value in (tag.partition("=") for tag in signature_of(message).split(";"))
    }


@pytest.mark.parametrize("kind", ["html", "text"])
async def test_a_copy_verifies_as_the_server_has_it(kind: str) -> None:
    received = await as_received(signed(format=kind))

    assert verifies(received)


async def test_a_copy_with_pictures_and_dots_verifies_as_the_server_has_it() -> None:
    rendition = letters.rendition(cids=(PICTURE.cid,), subject=". 节能减排  总第55期：GDP 增长 " + "碳" * 60)

    received = await as_received(signed(rendition, name="张 三"))

    assert verifies(received)
    assert rfc2047.decode(dict(headers.split_headers(received))["Subject"]) == rendition.subject


def test_without_a_signer_nothing_is_signed() -> None:
    assert b"DKIM-Signature" not in compose(letters.form(), letters.copy(), TOKEN)


def test_another_key_in_dns_does_not_verify() -> None:
    other = dkim_keys.record().replace(b"p=MIIB", b"p=") + b"AAAA"

    assert not verifies(signed(), dkim_keys.dns(**{dkim_keys.DNS_NAME.decode(): other}))


LAST_LINES = b"--\r\n"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"\r\n\r\n--=_alt", b"\r\n\r\nmore\r\n--=_alt"),
        (LAST_LINES, LAST_LINES + b"a footer of a gateway\r\n"),
        (b"Subject: =?utf-8?B?6IqC", b"Subject: =?utf-8?B?6IqD"),
        (b"From: ", b"From: x"),
        (b"To: ", b"To: x"),
        (b"Date: Fri, 10", b"Date: Fri, 11"),
        (b"Message-ID: <2015", b"Message-ID: <2016"),
        (b"/unsubscribe/v1.k1.m.p", b"/unsubscribe/v1.k1.m.q"),
        (b"List-Unsubscribe=One-Click", b"List-Unsubscribe=Two-Clicks"),
        (b"List-Id: <weekly", b"List-Id: <daily"),
        (b"Feedback-ID: 2015", b"Feedback-ID: 2016"),
        (b"MIME-Version: 1.0", b"MIME-Version: 1.1"),
        (b"Content-Type: multipart/alternative", b"Content-Type: multipart/mixed"),
        (b"Auto-Submitted: auto-generated", b"Auto-Submitted: no"),
        (b"List-Archive: <https://news", b"List-Archive: <https://other"),
        (b"List-Help: <mailto:weekly", b"List-Help: <mailto:daily"),
        (b"t=1436490000", b"t=1436490001"),
    ],
)
def test_a_change_on_the_way_is_seen(old: bytes, new: bytes) -> None:
    message = signed()
    assert message.count(old) >= 1

    assert not verifies(message.replace(old, new, 1))


@pytest.mark.parametrize(
    "line",
    [
        "From: somebody@example.net",
        "To: b@example.org",
        "Subject: buy now",
        "Date: Sat, 11 Jul 2015 09:00:00 +0800",
        "MIME-Version: 1.0",
        'Content-Type: multipart/alternative; boundary="other"',
        "List-Unsubscribe: <https://example.net/>",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
    ],
)
def test_nobody_can_add_a_second_one_of_what_readers_see_or_act_on(line: str) -> None:
    message = signed()

    assert not verifies(line.encode() + b"\r\n" + message)


def test_without_one_click_nobody_can_promise_it_for_us() -> None:
    form = signed_form(head=letters.letterhead(unsubscribe_page=None, archive_url="", help_url=""))
    message = compose(form, letters.copy(), TOKEN)

    assert verifies(message)
    assert not verifies(b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" + message)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"", b"Received: from a by b; Fri, 10 Jul 2015 09:00:01 +0800\r\n"),
        (b"Precedence: bulk\r\n", b""),
        (b"X-Tag: weekly\r\n", b""),
        (b"Subject: ", b"subject:\t "),
        (b">,\r\n <mailto", b">, <mailto"),
        (b"Content-Transfer-Encoding: base64\r\n\r\n", b"Content-Transfer-Encoding: base64 \t\r\n\r\n"),
        (b"--\r\n", b"--\r\n\r\n\r\n"),
    ],
    ids=["received", "precedence", "relay's own", "case and blanks", "unfolded", "trailing blanks", "empty lines"],
)
def test_what_honest_relays_do_breaks_nothing(old: bytes, new: bytes) -> None:
    message = compose(signed_form(), letters.copy(), TOKEN, extra=(value_header("X-Tag", "weekly"),))
    assert old in message

    assert verifies(message.replace(old, new, 1))


def test_the_signature_says_who_when_and_what() -> None:
    tags = tags_of(signed())

    assert (tags["v"], tags["a"], tags["c"]) == ("1", "rsa-sha256", "relaxed/relaxed")
    assert (tags["d"], tags["s"]) == (dkim_keys.DOMAIN, dkim_keys.SELECTOR)
    assert tags["t"] == str(int(letters.mailing().message_date.timestamp()))
    assert list(tags) == ["v", "a", "c", "d", "s", "t", "h", "bh", "b"]


def test_the_signed_headers_are_exactly_these() -> None:
    html, text = signed(), signed(format="text")

    own = "to:message-id:list-unsubscribe"
    again = "from:to:subject:date:mime-version:content-type:list-unsubscribe:list-unsubscribe-post"
    fixed = (
        "date:from:subject:list-id:feedback-id:auto-submitted:mime-version:list-unsubscribe-post:list-archive:list-help"
    )
    assert tags_of(html)["h"] == f"{fixed}:content-type:{own}:{again}"
    assert tags_of(text)["h"] == f"{fixed}:content-type:content-transfer-encoding:{own}:{again}"


def test_the_signature_stands_first_in_lines_of_usual_length() -> None:
    message = signed()

    block = message[: message.index(b"\r\nDate: ")].split(b"\r\n")
    assert block[0].startswith(b"DKIM-Signature: v=1;")
    assert max(map(len, block)) <= 78
    headers.check_lines(message)


def test_a_long_domain_stays_in_one_piece() -> None:
    domain = ".".join(["a" * 60] * 3) + ".example.com"
    form = prepare_form(
        letters.letterhead(),
        letters.mailing(),
        letters.rendition(),
        pictures={},
        signer=replace(dkim_keys.signer(), domain=domain),
    )

    assert tags_of(compose(form, letters.copy(), TOKEN))["d"] == domain


def test_the_same_copy_is_the_same_bytes_from_a_form_made_again() -> None:
    first = signed()
    again = compose(signed_form(id=99, origin="restored"), letters.copy(id=5, mailing=99, attempts=3), TOKEN)

    assert first == again


def test_each_copy_has_its_own_signature() -> None:
    form = signed_form()

    one = compose(form, letters.copy(), TOKEN)
    other = compose(form, letters.copy(address="b@example.org", email_key="b@example.org"), TOKEN[::-1])

    assert verifies(one)
    assert verifies(other)
    assert tags_of(one)["bh"] != tags_of(other)["bh"]


@pytest.mark.parametrize(
    "text",
    ["", "no mark at all\n" * 40, "碳" * 900 + TOKEN_MARK, ADDRESS_MARK, TOKEN_MARK + "碳" * 900],
    ids=["empty", "none", "late", "only", "early"],
)
@pytest.mark.parametrize("kind", ["html", "text"])
def test_wherever_the_first_mark_stands_the_copy_verifies(text: str, kind: str) -> None:
    assert verifies(signed(letters.rendition(text=text), format=kind))


@settings(max_examples=30)
@given(st.text(max_size=80), st.text(max_size=40), st.text(max_size=200), st.sampled_from(["html", "text"]))
def test_whatever_subject_name_and_text_the_copy_verifies(subject: str, name: str, text: str, kind: str) -> None:
    rendition = letters.rendition(subject=subject, html=text + TOKEN_MARK + text, text=text + TOKEN_MARK)

    assert verifies(signed(rendition, name=name, format=kind))


@given(st.text(alphabet="aB:; \t\"'=?<>", max_size=60), st.sampled_from(["Subject", "List-Unsubscribe"]))
def test_the_relaxed_form_of_a_header_is_what_a_verifier_makes_of_it(value: str, name: str) -> None:
    folded = value.replace("\t", "\r\n\t").encode()

    ours = signing.relaxed(Header(name=name, line=name.encode() + b": " + folded + b"\r\n"))

    theirs = dkim.canonicalization.Relaxed.canonicalize_headers([(name.encode(), b" " + folded + b"\r\n")])
    assert ours == b"%b:%b" % theirs[0]


@pytest.mark.parametrize("body", [b"", b"a\r\n", b"a b\r\n\r\n c\r\n", b"--x\r\nA: b;\r\n c=d\r\n\r\nYQ==\r\n"])
def test_a_body_that_relaxing_leaves_alone_may_be_signed(body: bytes) -> None:
    assert dkim.canonicalization.Relaxed.canonicalize_body(body) == body

    signing.check_relaxed(body)


@pytest.mark.parametrize(
    "body", [b"a \r\n", b"a\t\r\n", b"a  b\r\n", b"\ta\r\n", b"a\tb\r\n", b"a\r\n\r\n", b"\r\n", b"a", b" \r\n"]
)
def test_a_body_that_relaxing_would_change_is_not_signed(body: bytes) -> None:
    assert dkim.canonicalization.Relaxed.canonicalize_body(body) != body

    with pytest.raises(DistributorError, match="white space"):
        signing.check_relaxed(body)


def test_other_headers_than_those_announced_are_not_signed() -> None:
    seal = signing.prepare_seal(dkim_keys.signer(), fixed=(), own=("To",), begun=(), at=letters.mailing().message_date)

    with pytest.raises(DistributorError, match="announced"):
        seal.sign((value_header("Cc", "a@example.org"),), ())


def test_the_key_shows_in_no_repr() -> None:
    shown = repr(signed_form()) + repr(dkim_keys.signer())

    assert "RSAPrivateKey" not in shown
    assert "PRIVATE" not in shown


# The key


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL], ids=["pkcs8", "pkcs1"])
def test_keys_of_other_programs_are_read(form: PrivateFormat) -> None:
    key, problems = signing.parse_key(dkim_keys.pem(form=form), path="k.pem")

    assert key is not None
    assert key.private_numbers() == dkim_keys.rsa_key().private_numbers()
    assert problems == []


UNFIT = {
    "garbage": (b"not a key", "看不懂"),
    "empty": (b"", "看不懂"),
    "passphrase": (
        dkim_keys.rsa_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")),
        "口令",
    ),
    "elliptic": (dkim_keys.pem(ec.generate_private_key(ec.SECP256R1())), "RSA"),
    "1024 bits": (dkim_keys.pem(dkim_keys.rsa_key(1024)), "1024"),
}


@pytest.mark.parametrize(("pem", "what"), UNFIT.values(), ids=UNFIT)
def test_a_key_that_will_not_do_is_named_with_its_remedy(pem: bytes, what: str) -> None:
    key, problems = signing.parse_key(pem, path="secrets/k.pem")

    assert key is None
    assert [problem.path for problem in problems] == ["secrets/k.pem"]
    assert what in problems[0].text()
    assert "distributor dkim new" in problems[0].text()


def parsed(
    domain: str = "news.example.com",
    selector: str = "s2026",
    pem: bytes | None = None,
    sender: str = "news.example.com",
) -> tuple[signing.Signer | None, list[str]]:
    table = Dkim(domain=domain, selector=selector, key_file="secrets/k.pem")
    address = Address(local="weekly", domain=sender)
    signer, problems = signing.parse_signer(table, pem or dkim_keys.pem(), sender=address, places=PLACES)
    return signer, [problem.text("en") for problem in problems]


@pytest.mark.parametrize(
    ("domain", "sender", "signs_as"),
    [
        ("news.example.com", "news.example.com", "news.example.com"),
        ("example.com", "news.example.com", "example.com"),
        ("News.Example.COM", "news.example.com", "news.example.com"),
        ("例子.example.com", "xn--fsqu00a.example.com", "xn--fsqu00a.example.com"),
    ],
)
def test_a_domain_signs_for_itself_and_for_those_below(domain: str, sender: str, signs_as: str) -> None:
    signer, problems = parsed(domain, sender=sender)

    assert problems == []
    assert signer is not None
    assert signer.domain == signs_as


@pytest.mark.parametrize(
    ("domain", "sender"),
    [
        ("example.org", "news.example.com"),
        ("news.example.com", "example.com"),
        ("ews.example.com", "news.example.com"),
    ],
)
def test_a_domain_that_is_not_above_the_sender_is_refused_with_its_line(domain: str, sender: str) -> None:
    signer, problems = parsed(domain, sender=sender)

    assert signer is None
    assert re.match(rf"distributor\.toml:7: .*{domain}.* → write {sender}", problems[0])


@pytest.mark.parametrize("domain", ["", "com:", "news example.com", "https://news.example.com", "a@example.com"])
def test_what_is_no_domain_is_refused_with_its_line(domain: str) -> None:
    signer, problems = parsed(domain)

    assert signer is None
    assert problems == [f"distributor.toml:7: not a domain: {domain} → write news.example.com"]


@pytest.mark.parametrize("selector", ["s", "s2026", "2026", "weekly-1", "s1.mail", "x" * 63])
def test_a_selector_is_a_part_of_a_dns_name(selector: str) -> None:
    assert parsed(selector=selector)[1] == []


@pytest.mark.parametrize("selector", ["", "-s", "s-", "a_b", "a b", "标", "a..b", "a/../b", "a;b=", "x" * 64, "s\n"])
def test_what_is_no_part_of_a_dns_name_is_refused_with_its_line(selector: str) -> None:
    fault = signing.selector_fault(selector)

    assert fault is not None
    assert repr(selector) in fault[0].en


def test_every_fault_of_the_table_is_named_at_once() -> None:
    signer, problems = parsed("example.org", "a_b", b"garbage")

    assert signer is None
    assert len(problems) == 3
    assert any(problem.startswith("distributor.toml:8: ") for problem in problems)
