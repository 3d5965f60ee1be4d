"""When the last copy leaves, if every copy goes as soon as a server and its destination allow.

Pure. Enters: the servers and the destinations as `Gate`s, with what was taken of their rates, and how many copies
go to each destination. Leaves: the moment of the last copy and the limit that the end waited for longest. The events
are simulated exactly, with amounts instead of single copies; how long a server takes to answer is left out.

Where the servers are too slow for all, destinations take turns, one copy each, as the dispatcher lets them. Who could
not go in his turn has lost it (start-time fair queueing: Goyal, Vin, Cheng 1996).
"""

import heapq
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from sys import maxsize

from distributor.delivery.pacing import Rate, Taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A server or a destination: its rates, all of which hold, and what was taken of them, in order of time."""

    name: str
    rates: tuple[Rate, ...] = ()
    taken: tuple[Taken, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """So many copies go to one destination, through any server."""

    destination: Gate
    copies: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """The rate of a gate that the last copy waited for longest, and how many copies go through that gate."""

    gate: Gate
    rate: Rate
    copies: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """The last copy leaves at `finish`; `hold` is None where nothing had to wait."""

    finish: datetime
    hold: Hold | None


def forecast(servers: Sequence[Gate], loads: Iterable[Load], *, start: datetime) -> Forecast:
    """Return when the last copy leaves, the first at `start`; without servers only the destinations count."""
    ways = [_Meter.of(gate) for gate in servers]
    lanes = _lanes(loads)
    copies, moment, last = sum(lane.left for lane in lanes), start, lanes
    turn = _send(lanes, ways, start, 0.0)
    while waiting := [lane for lane in lanes if lane.left]:
        moment, last = _wait(waiting, ways, moment), waiting
        turn = _send(waiting, ways, moment, turn)
    return Forecast(finish=moment, hold=_longest_hold(last, copies))


@dataclass(slots=True, eq=False)
class _Window:
    """What still counts against one rate."""

    rate: Rate
    log: deque[Taken]
    used: int

    def forget(self, moment: datetime) -> None:
        while self.log and self.log[0][0] + self.rate.guarded <= moment:
            self.used -= self.log.popleft()[1]


@dataclass(slots=True, eq=False)
class _Meter:
    """A gate in use."""

    gate: Gate
    windows: list[_Window]

    @classmethod
    def of(cls, gate: Gate) -> "_Meter":
        used = sum(amount for _at, amount in gate.taken)
        return cls(gate, [_Window(rate, deque(gate.taken), used) for rate in gate.rates])

    def room(self, moment: datetime) -> int:
        for window in self.windows:
            window.forget(moment)
        return max(0, min((window.rate.count - window.used for window in self.windows), default=maxsize))

    def take(self, moment: datetime, amount: int) -> None:
        for window in self.windows if amount else ():
            window.log.append((moment, amount))
            window.used += amount

    def free_at(self, moment: datetime) -> tuple[datetime, Rate | None]:
        """Return when there may be room again and which rate is in the way; `moment` and None where there is."""
        found: tuple[datetime, Rate | None] = (moment, None)
        for window in self.windows:
            if window.used >= window.rate.count:
                free = window.log[0][0] + window.rate.guarded
                found = max(found, (free, window.rate), key=lambda one: one[0])
        return found


@dataclass(slots=True, eq=False)
class _Lane:
    """The copies for one destination, or for all that have no limit; `held` adds up what they waited for.

    `turn` is the round in which its next copy goes. `steps` says how many destinations share the lane, until so many
    copies have gone: those with few copies are done first.
    """

    meter: _Meter
    copies: int
    left: int
    steps: deque[tuple[int, int]]
    turn: float = 0.0
    held: dict[tuple[_Meter, Rate], timedelta] = field(default_factory=lambda: defaultdict(timedelta))

    @classmethod
    def of(cls, gate: Gate, sizes: Sequence[int]) -> "_Lane":
        """Make a lane of destinations, each with at least one copy, that share a gate."""
        steps: deque[tuple[int, int]] = deque()
        gone = done = 0
        ordered = sorted(sizes)
        for place, size in enumerate(ordered):
            gone += (size - done) * (len(ordered) - place)
            if size > done:
                steps.append((gone, len(ordered) - place))
            done = size
        return cls(_Meter.of(gate), sum(sizes), sum(sizes), steps)

    def send(self, amount: int) -> None:
        """Note that copies went, and whose turn is over by it."""
        while amount:
            while self.steps[0][0] <= self.copies - self.left:
                self.steps.popleft()
            until, sharing = self.steps[0]
            now = min(amount, until - self.copies + self.left)
            self.turn += now / sharing
            self.left -= now
            amount -= now


def _lanes(loads: Iterable[Load]) -> list[_Lane]:
    """Return a lane for each limited destination and one for all the others, which need not be told apart."""
    loads = [load for load in loads if load.copies]
    others = [load.copies for load in loads if not load.destination.rates]
    lanes = [_Lane.of(load.destination, [load.copies]) for load in loads if load.destination.rates]
    return [*lanes, _Lane.of(Gate(name=""), others)]


def _wait(waiting: Sequence[_Lane], ways: Sequence[_Meter], moment: datetime) -> datetime:
    """Return when the next copy may leave; each lane notes what it waits for."""
    served = min(((*way.free_at(moment), way) for way in ways), key=lambda one: one[0], default=None)
    by_servers = served[0] if served else moment
    frees = [lane.meter.free_at(moment) for lane in waiting]
    until = max(by_servers, min(free for free, _rate in frees))
    by_server = (served[2], served[1]) if served is not None and served[1] is not None else None
    for lane, (free, rate) in zip(waiting, frees, strict=True):
        by_rate = (lane.meter, rate) if rate is not None and free >= by_servers else None
        for gate in [found for found in (by_rate, by_server) if found is not None][:1]:
            lane.held[gate] += until - moment
    return until


def _send(waiting: Sequence[_Lane], ways: Sequence[_Meter], moment: datetime, turn: float) -> float:
    """Let go at once what the servers and the destinations allow; return in which round that ended."""
    rooms = sorted(((way.room(moment), place) for place, way in enumerate(ways)), reverse=True)
    able = [(lane, most) for lane in waiting if (most := min(lane.left, lane.meter.room(moment)))]
    amount = min(sum(most for _lane, most in able), sum(room for room, _place in rooms) if ways else maxsize)
    before = [lane.left for lane, _most in able]
    turn = _take_turns(able, amount, turn)
    for (lane, _most), left in zip(able, before, strict=True):
        lane.meter.take(moment, left - lane.left)
    for room, place in rooms:
        ways[place].take(moment, min(room, amount))
        amount -= min(room, amount)
    return turn


def _take_turns(able: Sequence[tuple[_Lane, int]], amount: int, turn: float) -> float:
    """Send `amount` copies, of each lane at most the number beside it; return in which round the last one went."""
    line = []
    for place, (lane, most) in enumerate(able):
        lane.turn = max(lane.turn, turn)
        line.append((lane.turn, place, most))
    heapq.heapify(line)
    all_fit = amount == sum(most for _lane, most in able)
    while amount:
        begun, place, most = line[0]
        lane = able[place][0]
        share = min(most, amount) if all_fit or len(line) == 1 else 1
        lane.send(share)
        amount -= share
        turn = max(turn, begun if share == 1 else lane.turn)
        if share == most:
            heapq.heappop(line)
        else:
            heapq.heapreplace(line, (lane.turn, place, most - share))
    return turn


def _longest_hold(last: Sequence[_Lane], copies: int) -> Hold | None:
    held = [(time, key, lane) for lane in last for key, time in lane.held.items()]
    if not held:
        return None
    _time, (meter, rate), lane = max(held, key=lambda one: one[0])
    return Hold(gate=meter.gate, rate=rate, copies=lane.copies if meter is lane.meter else copies)
