"""Clocks: the machine's, and one that a demonstration sets to its own moment."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present moment in UTC."""
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class ShiftedClock:
    """A clock that stood at `start` when it was made and runs on at the usual pace from there."""

    start: datetime
    _made: float = field(default_factory=time.monotonic)

    def now(self) -> datetime:
        """Return the shifted moment in UTC."""
        return self.start.astimezone(UTC) + timedelta(seconds=time.monotonic() - self._made)
