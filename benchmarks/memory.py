"""Measure the resident memory of our sender against the number of readers; prints a table.

    python -m benchmarks.memory [--readers 1000 --readers 10000 …] [--size 10] [--database URL]

Every row is a run of its own: real rows in a real ledger, every copy sent to a sink and counted there. The preparation
runs in another process, so the peak is the sender's alone.
"""

import argparse
import json
import subprocess
import sys

from benchmarks import machine
from benchmarks.contestants import ROOT

READERS = (1_000, 10_000, 50_000, 200_000)


def main() -> None:
    """Run our sender once for each number of readers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readers", type=int, action="append", help="default: 1,000 10,000 50,000 200,000")
    parser.add_argument("--size", type=int, default=10, help="kilobytes of a message")
    parser.add_argument("--database", default="", help="URL of a PostgreSQL server; without it SQLite on the disk")
    asked = parser.parse_args()
    print(", ".join(f"{name} {value}" for name, value in machine.described().items()), end=".\n\n")
    print("| readers | peak resident MB | messages/s | taken by the sink |\n| --: | --: | --: | --: |")
    for readers in asked.readers or READERS:
        options = ["--readers", str(readers), "--size", str(asked.size), "--database", asked.database]
        command = [sys.executable, "-m", "benchmarks.send_ours", *options]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        line = json.loads(done.stdout.splitlines()[-1])
        print(f"| {readers:,} | {line['rss_mb']:.0f} | {line['rate']:,.0f} | {line['taken']:,} |", flush=True)


if __name__ == "__main__":
    main()
