"""Print what the long runs did and found, one line each and their sums; reads the lines that `soak_tally` wrote."""

import json
import sys
from pathlib import Path

COLUMNS = ("kills", "faults", "losses", "duplicates", "uncertain")


def main() -> None:
    """Print one line for each run, most readable in a wide terminal, and one for all."""
    lines = [json.loads(line) for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()]
    sums = {"name": "all", **{column: sum(line.get(column, 0) for line in lines) for column in COLUMNS}}
    print("".join(f"{column:>12}" for column in COLUMNS))
    for line in [*sorted(lines, key=lambda line: line["name"]), sums]:
        print("".join(f"{line.get(column, 0):>12,}" for column in COLUMNS) + f"  {line['name']}")


if __name__ == "__main__":
    main()
