"""Runs command lines in forked children, so that Python and the packages start once for a hundred of them.

    LD_PRELOAD=faultshim.so python command_server.py

A line of JSON on stdin, {"arguments": [...], "environment": {...}, "out": path, "err": path}, forks a child that runs
`distributor.__main__.main` with these; its exit code (negative: the signal that ended it) is the line that answers.
"""

import json
import os
import sys
from typing import Any, NoReturn

import distributor.cli.app  # noqa: F401 - what starting costs is paid here, before the fork
from distributor.__main__ import main


def run(order: dict[str, Any]) -> NoReturn:
    """Be the command: its arguments, its streams, its environment; ends the process as Python would."""
    # First of all: the library reads its settings with the first file that it sees.
    os.environ.update(order["environment"])
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for path, descriptor in ((order["out"], 1), (order["err"], 2)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), descriptor)
    sys.argv = ["distributor", *order["arguments"]]
    try:
        main()
    except SystemExit as end:
        code = int(end.code or 0)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def serve() -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            run(json.loads(line))
        _child, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
