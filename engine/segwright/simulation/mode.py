"""How a simulated hospital behaves: what it does about repeats, and how it treats each message.

Takes words such as `blind prompt=8 lossy=2`; gives a `Mode`. Refuses, with ValueError, a word that it does not know. Which
conduct a message meets is drawn by weight from a seeded source, so that a run can be had again.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import msgspec


class Memory(StrEnum):
    """What a hospital does when a message comes that it has filed already, known by its MSH-10."""

    HONOURS = "honours"
    BLIND = "blind"
    AVERSE = "averse"


class Conduct(StrEnum):
    """How one message is treated."""

    PROMPT = "prompt"
    SLOW = "slow"
    DEAD = "dead"
    DOWN = "down"
    LOSSY = "lossy"
    LATE = "late"
    WRONG_ID = "wrong-id"
    TWO_PHASE = "two-phase"
    TWO_PHASE_ELSEWHERE = "two-phase-elsewhere"
    REFUSING = "refusing"
    TRANSIENT = "transient"


WORDS: Final[dict[str, str]] = {
    Memory.HONOURS: "files a message once and answers a repeat as before",
    Memory.BLIND: "does not look at MSH-10: files a repeat again",
    Memory.AVERSE: "refuses a repeat: AR, 205 (duplicate key identifier)",
    Conduct.PROMPT: "filed, or refused for what it lacks, and answered as MSH-15 and MSH-16 ask",
    Conduct.SLOW: "the same, after a while",
    Conduct.DEAD: "read, neither filed nor ever answered",
    Conduct.DOWN: "not filed; the connection ends, and for a while none is accepted",
    Conduct.LOSSY: "filed, and the connection ends without an answer",
    Conduct.LATE: "filed, and answered when nobody waits any more",
    Conduct.WRONG_ID: "filed, and answered with another message's MSH-10 in MSA-2",
    Conduct.TWO_PHASE: "accepted at once (CA), confirmed (AA) a little later on the same connection",
    Conduct.TWO_PHASE_ELSEWHERE: "the same, the AA as a message of its own on a connection that the hospital opens",
    Conduct.REFUSING: "not filed: AE, 101 (required field missing) at a field",
    Conduct.TRANSIENT: "not filed the first time: AE, 207 (application internal error); then as if nothing had been",
}
"""Every word of a mode, and what it means."""


class Mode(msgspec.Struct, frozen=True):
    """A hospital's behaviour. `weights`: how often each conduct is met; times in seconds: `slow` before a slow answer, `late`
    before a late one, `down` while no connection is accepted, `second` between CA and AA."""

    memory: Memory = Memory.HONOURS
    weights: dict[Conduct, int] = msgspec.field(default_factory=lambda: {Conduct.PROMPT: 1})
    slow: float = 1.0
    late: float = 90.0
    down: float = 5.0
    second: float = 0.2

    def draw(self, chance: random.Random) -> Conduct:
        """The conduct that the next message meets."""
        return chance.choices(list(self.weights), list(self.weights.values()))[0]

    def __str__(self) -> str:
        return " ".join([self.memory, *(f"{conduct}={weight}" for conduct, weight in self.weights.items())])


def mode_of(words: Iterable[str]) -> Mode:
    """The mode that words say: a memory, and conducts with weights (`lossy=2`; 1 when none is said). Without any conduct every
    message is treated promptly. Raises ValueError."""
    memory = Memory.HONOURS
    weights: dict[Conduct, int] = {}
    for word in (part for text in words for part in text.replace(",", " ").split()):
        name, equals, weight = word.partition("=")
        if name in set(Memory) and not equals:
            memory = Memory(name)
        elif name in set(Conduct) and (not equals or (weight.isdigit() and int(weight) > 0)):
            weights[Conduct(name)] = int(weight or 1)
        elif name in WORDS:
            raise ValueError(f"{word}: a weight is a whole number from 1, and only conducts have one")
        else:
            raise ValueError(f"{word} is no mode; there are {', '.join(WORDS)}")
    return Mode(memory, weights or {Conduct.PROMPT: 1})
