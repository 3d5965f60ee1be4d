"""Measure the plain way in Python: aiosmtplib's `send_message` with an EmailMessage for each reader.

    python -m benchmarks.send_naive PORT READERS CONNECTIONS LETTER.json

The same letter as all others, with a reader's own token and envelope; unsigned and without a ledger. One line of JSON.
"""

import asyncio
import hashlib
import hmac
import json
import sys
import time
from collections.abc import Iterator
from email.headerregistry import Address
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiosmtplib

from benchmarks.machine import peak_rss_mb

SECRET = b"benchmark" * 4


def compose(letter: dict[str, Any], number: int) -> EmailMessage:
    """Build the n-th reader's message as the standard library offers it."""
    domains = letter["domains"]
    local, domain = f"reader{number}", domains[number % len(domains)]
    token = "v1.k001.m." + hmac.digest(SECRET, f"{local}@{domain}".encode(), hashlib.sha256).hex()[:57]

    def filled(text: str) -> str:
        masked = f"{local[0]}***@{domain}"
        return text.replace(letter["token_mark"], token).replace(letter["address_mark"], masked)

    message = EmailMessage()
    message["From"] = Address(display_name=letter["sender_name"], addr_spec=letter["sender"])
    message["To"] = f"{local}@{domain}"
    message["Subject"] = letter["subject"]
    message["Message-ID"] = f"<{token}@news.example.com>"
    message["List-Unsubscribe"] = f"<{filled(letter['page'])}>, <{filled(letter['mailto'])}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message["List-Id"] = "<weekly.news.example.com>"
    message["Auto-Submitted"] = "auto-generated"
    message["Precedence"] = "bulk"
    message.set_content(filled(letter["text"]), cte="base64")
    message.add_alternative(filled(letter["html"]), subtype="html", cte="base64")
    return message


async def send(port: int, connections: int, letter: dict[str, Any], numbers: Iterator[int]) -> None:
    """Send a message to each reader over so many connections."""

    async def lane() -> None:
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, use_tls=False, start_tls=False)
        async with client:
            for number in numbers:
                await client.send_message(compose(letter, number))

    await asyncio.gather(*(lane() for _connection in range(connections)))


def main() -> None:
    """Send and print what it took."""
    port, readers, connections = map(int, sys.argv[1:4])
    letter = json.loads(Path(sys.argv[4]).read_text(encoding="utf-8"))
    cpu, start = time.process_time(), time.perf_counter()
    asyncio.run(send(port, connections, letter, iter(range(1, readers + 1))))
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    line = {
        "who": "aiosmtplib naive",
        "n": readers,
        "seconds": round(seconds, 3),
        "rate": round(readers / seconds, 1),
        "cpu_ms": round(cpu * 1000 / readers, 4),
        "rss_mb": peak_rss_mb(),
    }
    print(json.dumps(line))


if __name__ == "__main__":
    main()
