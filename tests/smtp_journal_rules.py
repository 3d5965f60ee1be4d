"""How the server of `smtp_journal_server` misbehaves: rules that act when a conversation reaches a stage.

A rule is STAGE ACTION OPTIONS.

- Stages: connect, helo, starttls, auth, mail, rcpt, data, body (in the middle of the content), dot (after the final
  dot), rset, quit; `any` is each of them.
- Actions: drop (close), reset (RST), hang, slow (s=seconds), garbage (an unreadable answer), flood (20 MB of one
  answer), inject (with starttls: a second answer in clear behind the 220), or a reply code with text=WORDS_SO.
- Options, all of which must hold: p=probability, every=N (each N-th time the stage is reached), nth=N (the N-th time
  only), until=N (the first N times), first=N (the first N times for a recipient), after=N (once so many messages were
  taken), carried=N (once the connection has carried so many), faster=N (when so many were taken within the last
  second), match=GLOB (of the recipient). taken=1 with dot writes the journal line before the rule acts.

The first rule that holds acts; `slow` acts and lets the next ones look too.
"""

import fnmatch
import json
import os
import random
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

WINDOW = 1.0
"""Over how many seconds `faster` looks back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    stage: str
    action: str
    options: dict[str, str]

    @classmethod
    def read(cls, text: str) -> "Rule":
        stage, action, *options = text.split()
        return cls(stage=stage, action=action, options=dict(option.split("=", 1) for option in options))

    @property
    def text(self) -> str:
        return self.options.get("text", "no").replace("_", " ")

    def number(self, option: str, otherwise: float) -> float:
        return float(self.options.get(option, otherwise))


class Journal:
    """Appends one JSON object a line; `taken` ones are on disk when `write` returns."""

    def __init__(self, path: Path) -> None:
        self._file: TextIO = path.open("a", encoding="utf-8")
        self.taken = 0
        self.lately: deque[float] = deque()

    def write(self, event: str, **facts: Any) -> None:
        moment = time.time()
        self._file.write(json.dumps({"event": event, "at": moment} | facts, ensure_ascii=False) + "\n")
        self._file.flush()
        if event == "taken":
            os.fsync(self._file.fileno())
            self.taken += 1
            self.lately.append(moment)

    def close(self) -> None:
        self._file.close()

    def taken_lately(self) -> int:
        while self.lately and self.lately[0] < time.time() - WINDOW:
            self.lately.popleft()
        return len(self.lately)


@dataclass(slots=True, kw_only=True)
class Rules:
    rules: list[Rule]
    journal: Journal
    randomness: random.Random
    reached: Counter[str] = field(default_factory=Counter)
    seen: Counter[tuple[str, str]] = field(default_factory=Counter)

    def matching(self, stage: str, recipient: str, carried: int) -> list[Rule]:
        self.reached[stage] += 1
        self.reached["any"] += 1
        self.seen[stage, recipient] += 1
        here = [rule for rule in self.rules if rule.stage in {stage, "any"}]
        return [rule for rule in here if self._holds(rule, stage, recipient, carried)]

    def _holds(self, rule: Rule, stage: str, recipient: str, carried: int) -> bool:
        reached = self.reached[rule.stage]
        return (
            self.randomness.random() < rule.number("p", 1)
            and reached % rule.number("every", 1) == 0
            and rule.number("nth", reached) == reached
            and reached <= rule.number("until", reached)
            and self.seen[stage, recipient] <= rule.number("first", float("inf"))
            and self.journal.taken >= rule.number("after", 0)
            and carried >= rule.number("carried", 0)
            and self.journal.taken_lately() >= rule.number("faster", 0)
            and fnmatch.fnmatch(recipient, rule.options.get("match", "*"))
        )
