"""A process that opens a database as the program does, and can be killed at one of its statements.

    python opener.py DATABASE_URL [--killed-at "CREATE TABLE seat"] [--killed-after]

writes every migration step that it runs to stdout. It dies by SIGKILL when it comes to a statement that begins with
the words given (COMMIT is one), before or after that statement.
"""

import argparse
import asyncio
import logging
import os
import signal
import sys

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import make_url

from distributor.database import Database


def die_at(words: str, *, after: bool) -> None:
    def look(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if " ".join(statement.split()).startswith(words):
            os.kill(os.getpid(), signal.SIGKILL)

    def end(_connection: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    if words == "COMMIT":
        event.listen(sa.Engine, "commit", end)
    else:
        event.listen(sa.Engine, "after_cursor_execute" if after else "before_cursor_execute", look)


async def open_once(url: str) -> None:
    async with Database.open(make_url(url)):
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description="open a database, perhaps to be killed at it")
    parser.add_argument("url")
    parser.add_argument("--killed-at")
    parser.add_argument("--killed-after", action="store_true")
    chosen = parser.parse_args()
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
    if chosen.killed_at:
        die_at(chosen.killed_at, after=chosen.killed_after)
    asyncio.run(open_once(chosen.url))


if __name__ == "__main__":
    main()
