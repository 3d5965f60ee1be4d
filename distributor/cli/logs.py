"""How log lines look: a constant message, then its facts as `name=value`; to stderr, for journald or a file."""

import logging
import sys

# What every record has; all else came as `extra`.
_USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
_CHATTY = ("aiosqlite", "apscheduler", "aiosmtplib", "asyncio", "alembic", "uvicorn.access")


class FactsFormatter(logging.Formatter):
    """Writes the record's facts behind its message, in the order in which they were given."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, control characters made visible."""
        facts = [f"{name}={value}" for name, value in vars(record).items() if name not in _USUAL]
        line = super().format(record)
        first, *rest = line.split("\n")
        return "\n".join([" ".join([first, *(fact.replace("\n", "\\n") for fact in facts)]), *rest])


def set_up_logging(level: int) -> None:
    """Send log lines of at least `level` to stderr; other people's chatter only from WARNING."""
    stream = logging.StreamHandler(sys.stderr)
    stream.setFormatter(FactsFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[stream], force=True)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
