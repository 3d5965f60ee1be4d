"""Listening: addresses, ports in use, and an end that lets responses finish."""

import asyncio
import signal
import socket

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from distributor.errors import EnvironmentFault
from distributor.web.serving import listen_at, serve_until
from tests.web.visitor import Served, Visitor


async def slow_app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await asyncio.sleep(0.3)
        await PlainTextResponse("done")(scope, receive, send)


def test_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"

        with pytest.raises(EnvironmentFault, match=listen) as refused:
            listen_at(listen)

    assert refused.value.exit_code == 3


def test_host_that_is_none_is_named() -> None:
    with pytest.raises(EnvironmentFault, match=r"nowhere\.invalid"):
        listen_at("nowhere.invalid:80")


@pytest.mark.parametrize(
    ("listen", "shown"),
    [("127.0.0.1:0", "http://127.0.0.1:"), ("0.0.0.0:0", "http://localhost:"), ("localhost:0", "http://")],
)
def test_url_is_one_that_a_browser_here_opens(listen: str, shown: str) -> None:
    listener = listen_at(listen)

    assert listener.url == f"{listener.url.rpartition(':')[0]}:{listener.port}/"
    assert listener.url.startswith(shown)
    listener.socket.close()


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_ipv6_address_is_written_in_brackets() -> None:
    listener = listen_at("[::1]:0")

    assert listener.url == f"http://[::1]:{listener.port}/"
    listener.socket.close()


async def test_response_under_way_ends_before_the_server_does() -> None:
    stop, listener = asyncio.Event(), listen_at("127.0.0.1:0")
    serving = asyncio.create_task(serve_until(slow_app, listener, stop))
    asking = asyncio.create_task(Visitor(port=listener.port).get("/"))
    await asyncio.sleep(0.15)

    stop.set()

    assert (await asking).text == "done"
    await asyncio.wait_for(serving, 5)


async def test_responses_are_not_held_back_by_nagles_delay() -> None:
    listener = listen_at("127.0.0.1:0")
    with listener.socket as opened, socket.create_connection(("127.0.0.1", listener.port)):
        accepted, _address = opened.accept()

        assert accepted.proto == socket.IPPROTO_TCP
        accepted.close()


async def test_signals_are_left_to_the_command() -> None:
    before = signal.getsignal(signal.SIGTERM)

    async with Served(slow_app) as visitor:
        await visitor.get("/")
        assert signal.getsignal(signal.SIGTERM) is before


async def test_nonsense_instead_of_http_is_answered_and_closed() -> None:
    async with Served(slow_app) as visitor:
        assert (await visitor.say(b"\x16\x03\x01 hello\r\n\r\n")).startswith(b"HTTP/1.1 400")
