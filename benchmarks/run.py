"""Measure our sender beside its peers, all of them in turn, round after round.

    python -m benchmarks.run [--quick] [--size 30 --size 120] [--sink own|smtp-sink] [--node-modules DIR]
                             [--database URL|own] [--uvloop] [--rounds 5] [--seconds 3]

Every turn has a sink of its own. A turn counts only if the sink took as many messages as were sent (where it counts),
and for ours only if the ledger says so too. Prints Markdown, writes it and the JSON to var/benchmarks/. Nothing here
passes or fails by a time.
"""

import argparse
import contextlib
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks import contestants, machine, servers, sinks, tables
from benchmarks.contestants import ROOT, Contestant, Job
from benchmarks.tables import Round, Turn

MADE = ROOT / "var" / "benchmarks"


def main() -> None:
    """Measure, print and write the tables."""
    asked = _parser().parse_args()
    if asked.quick:
        asked.rounds, asked.seconds = 2, 0.5
    asked.out.mkdir(parents=True, exist_ok=True)
    asked.sync_ms = machine.sync_ms(asked.out)
    with _database(asked.database) as database:
        field, missing = _field(asked, database)
        found = {size: _measure(asked, field, size) for size in asked.size or (30, 120)}
    markdown = _report(asked, found, missing)
    (asked.out / "result.md").write_text(markdown, encoding="utf-8")
    (asked.out / "result.json").write_text(_as_json(found, missing), encoding="utf-8")
    print(markdown)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two short rounds: whether it works, not how fast")
    parser.add_argument("--size", type=int, action="append", help="kilobytes of a message (default: 30 and 120)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3, help="about how long a turn lasts")
    parser.add_argument("--sink", choices=("own", "smtp-sink"), default="own")
    parser.add_argument("--delay", type=int, default=0, help="milliseconds by which our sink's replies come later")
    parser.add_argument("--only", action="append", default=[], help="only senders whose name contains this")
    parser.add_argument("--node-modules", type=Path, help="a folder with nodemailer, instead of fetching it with npm")
    parser.add_argument("--database", default="", help="ours on PostgreSQL too: the URL of a server, or `own`")
    parser.add_argument("--uvloop", action="store_true", help="ours on uvloop too, if it is installed")
    parser.add_argument("--out", type=Path, default=MADE, help="where results and the compiled sink go")
    return parser


def _field(asked: argparse.Namespace, database: str) -> tuple[Sequence[Contestant], Sequence[str]]:
    """Return who takes part, and who is missing and why."""
    source, no_source = contestants.limit()
    nodes, no_nodes = contestants.nodemailers(asked.out, asked.node_modules)
    everyone = [*source, *nodes, contestants.naive()]
    everyone += [contestants.ours("ours", 3000), contestants.ours("ours signed", 2000, "--sign")]
    wide = ("--window", "8")
    everyone += [contestants.ours("ours, window 8", 4000, *wide)]
    everyone += [contestants.ours("ours signed, window 8", 2000, "--sign", *wide)]
    if asked.uvloop:
        everyone += [contestants.ours("ours signed, uvloop", 2000, "--sign", "--uvloop")]
    if database:
        everyone += [contestants.ours("ours signed, PostgreSQL", 1000, "--sign", "--database", database)]
    chosen = [one for one in everyone if not asked.only or any(part in one.name for part in asked.only)]
    return chosen, [reason for reason in (no_source, no_nodes) if reason]


@contextlib.contextmanager
def _database(asked: str) -> Iterator[str]:
    if asked != "own":
        yield asked
        return
    with servers.own_postgresql() as url:
        yield url


def _measure(asked: argparse.Namespace, field: Sequence[Contestant], size_kb: int) -> list[Round]:
    rounds: list[Round] = []
    for number in range(1, asked.rounds + 1):
        turns: dict[str, Turn] = {}
        for one in field:
            turns[one.name] = turn = _turn(asked, one, size_kb)
            told = f"{size_kb} KB, round {number} of {asked.rounds}: {one.name} {turn.line.rate:,.0f}/s"
            print(told, file=sys.stderr, flush=True)
        rounds.append(turns)
    return rounds


def _turn(asked: argparse.Namespace, one: Contestant, size_kb: int) -> Turn:
    readers = contestants.readers_for(one, size_kb, asked.seconds)
    with sinks.running_sink(asked.out, asked.sink, delay_ms=asked.delay) as sink:
        line = one.run(Job(port=sink.port, readers=readers, size_kb=size_kb, folder=asked.out))
        taken = sink.stop()
    if taken is not None and taken.messages != readers:
        raise SystemExit(f"{one.name}: {readers} sent, but the sink took {taken.messages}")
    return Turn(line=line, sink_ms=None if taken is None else taken.cpu_ms / readers)


def _report(asked: argparse.Namespace, found: dict[int, list[Round]], missing: Sequence[str]) -> str:
    what = ", ".join(f"{name} {value}" for name, value in machine.described().items())
    delay = f" with replies {asked.delay} ms late" if asked.delay else ""
    how = (
        f"{asked.sink} sink{delay}, {contestants.CONNECTIONS} connections, plain TCP on loopback, "
        f"median of {asked.rounds} interleaved rounds; load of the machine at the end {machine.load():.2f}; "
        f"the disk syncs in {asked.sync_ms:.2f} ms before, {machine.sync_ms(asked.out):.2f} ms after"
    )
    sections = [f"{what}.\n{how}.", *(f"Missing: {reason}." for reason in missing)]
    sections += [f"## {size} KB\n\n{tables.as_markdown(tables.rows(rounds))}" for size, rounds in found.items()]
    return "\n\n".join(sections) + "\n"


def _as_json(found: dict[int, list[Round]], missing: Sequence[str]) -> str:
    sizes = {
        f"{size} KB": {
            "rows": tables.as_json(tables.rows(rounds)),
            "rounds": [{name: asdict(turn.line) for name, turn in one.items()} for one in rounds],
        }
        for size, rounds in found.items()
    }
    return json.dumps({"machine": dict(machine.described()), "missing": list(missing), **sizes}, indent=2)


if __name__ == "__main__":
    main()
