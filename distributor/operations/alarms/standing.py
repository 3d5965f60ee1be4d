"""What stands of one cause at a moment: the news that hold now, and the incidents about which nobody can tell yet.

Frozen values; `alarms` compares them with what was raised before.
"""

from dataclasses import dataclass

from distributor.incidents import Cause, News


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The news of one cause; whatever else is open is over, but for the subjects `kept`."""

    cause: Cause
    news: tuple[News, ...] = ()
    kept: frozenset[str] = frozenset()
