"""Start the command line: `distributor` or `python -m distributor`."""

from distributor.cli.app import run


def main() -> None:
    """Run the command line and leave with its exit code."""
    raise SystemExit(run())


if __name__ == "__main__":
    main()
