"""The door to DNS against a name server of our own on the loopback."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import dns.asyncresolver
import dns.message
import dns.rcode
import dns.rdatatype
import dns.resolver
import dns.rrset
import pytest

from distributor.errors import EnvironmentFault
from distributor.operations.examinations.nameservers import Lookup, name_servers

ZONE = {
    ("office.cn.", "TXT"): ('"v=spf1 include:" "spf.provider.cn -all"', '"verification=1"'),
    ("office.cn.", "MX"): ("10 mx1.provider.cn.", "0 ."),
    ("news.office.cn.", "A"): ("192.0.2.7",),
    ("news.office.cn.", "AAAA"): ("2001:db8::7",),
}
Answer = Callable[[dns.message.Message], dns.message.Message | None]


def known(question: dns.message.Message) -> dns.message.Message:
    answer = dns.message.make_response(question)
    asked = question.question[0]
    kind = dns.rdatatype.to_text(asked.rdtype)
    values = ZONE.get((asked.name.to_text(), kind), ())
    if values:
        answer.answer.append(dns.rrset.from_text(asked.name, 60, "IN", kind, *values))
    elif not any(name == asked.name.to_text() for name, _kind in ZONE):
        answer.set_rcode(dns.rcode.NXDOMAIN)
    return answer


def failing(code: dns.rcode.Rcode) -> Answer:
    def answer(question: dns.message.Message) -> dns.message.Message:
        response = dns.message.make_response(question)
        response.set_rcode(code)
        return response

    return answer


class _NameServer(asyncio.DatagramProtocol):
    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        response = self.answer(dns.message.from_wire(data))
        if response is not None:
            self.transport.sendto(response.to_wire(), address)


@asynccontextmanager
async def listening(answer: Answer) -> AsyncIterator[int]:
    """Run a name server and yield its port."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _NameServer(answer), local_addr=("127.0.0.1", 0))
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()
        await asyncio.sleep(0)


@asynccontextmanager
async def served(answer: Answer, *, patience: float = 5.0) -> AsyncIterator[Lookup]:
    async with listening(answer) as port:
        yield name_servers(["127.0.0.1"], port=port, patience=patience)


async def test_the_strings_of_one_record_are_joined() -> None:
    async with served(known) as lookup:
        found = await lookup("office.cn", "TXT")

    assert set(found) == {"v=spf1 include:spf.provider.cn -all", "verification=1"}


async def test_every_kind_comes_as_text() -> None:
    async with served(known) as lookup:
        assert set(await lookup("office.cn", "MX")) == {"10 mx1.provider.cn.", "0 ."}
        assert await lookup("news.office.cn", "A") == ("192.0.2.7",)
        assert await lookup("news.office.cn.", "AAAA") == ("2001:db8::7",)


@pytest.mark.parametrize("name", ["gone.cn", "news.office.cn"], ids=["no such name", "no such record"])
async def test_a_name_without_such_a_record_has_none(name: str) -> None:
    async with served(known) as lookup:
        assert await lookup(name, "TXT") == ()


@pytest.mark.parametrize("code", [dns.rcode.SERVFAIL, dns.rcode.REFUSED], ids=str)
async def test_a_server_that_cannot_say_is_no_answer(code: dns.rcode.Rcode) -> None:
    async with served(failing(code), patience=1) as lookup:
        with pytest.raises(EnvironmentFault, match=r"office\.cn"):
            await lookup("office.cn", "TXT")


async def test_silence_is_no_answer() -> None:
    async with served(lambda _question: None, patience=0.2) as lookup:
        with pytest.raises(EnvironmentFault):
            await lookup("office.cn", "TXT")


@pytest.mark.parametrize(
    "name", ["a..cn", "x" * 64 + ".cn", "字" * 300], ids=["empty label", "long label", "long name"]
)
async def test_a_name_that_is_none_is_no_answer(name: str) -> None:
    async with served(known) as lookup:
        with pytest.raises(EnvironmentFault):
            await lookup(name, "A")


async def test_a_machine_without_name_servers_gets_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def unconfigured(*_arguments: object, **_options: object) -> object:
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr(dns.asyncresolver, "Resolver", unconfigured)

    with pytest.raises(EnvironmentFault):
        await name_servers()("office.cn", "A")


async def test_without_addresses_the_machines_name_servers_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    real = dns.asyncresolver.Resolver
    asked: list[bool] = []

    async with listening(known) as port:

        def of_the_machine(*, configure: bool) -> dns.asyncresolver.Resolver:
            asked.append(configure)
            resolver = real(configure=False)
            resolver.nameservers, resolver.port = ["127.0.0.1"], port
            return resolver

        monkeypatch.setattr(dns.asyncresolver, "Resolver", of_the_machine)

        assert await name_servers()("news.office.cn", "A") == ("192.0.2.7",)

    assert asked == [True]
