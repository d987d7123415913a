"""The day as the PMS lives it, planned ahead: what happens, and when it is delivered."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

LOCATION = "main"
MOST_SKUS = 40
DUPLICATE_SHARE = 0.05
LATE_SHARE = 0.15
MOST_LATE = 8  # ticks, and as many again for a duplicate
KINDS = {"sale": 62, "receipt": 12, "return": 8, "correction": 8, "count": 10}


@dataclass(frozen=True, slots=True)
class Change:
    """So much came or went."""

    sku: str
    delta: int
    reason: str
    reference: str

    def message(self, moment: datetime) -> dict[str, Any]:
        """The webhook's body."""
        return _message("inventory.adjusted", self.sku, moment, delta=self.delta, reason=self.reason,
                        reference=self.reference)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Figure:
    """So much is there."""

    sku: str
    on_hand: int

    def message(self, moment: datetime) -> dict[str, Any]:
        """The webhook's body."""
        return _message("inventory.updated", self.sku, moment, on_hand=self.on_hand)


Fact = Change | Figure


@dataclass(frozen=True, slots=True)
class Day:
    """`facts` in the order in which they happen, one a tick; `deliveries[tick]` says which are sent at that tick.

    A fact is delivered at its own tick or a few later, some are delivered twice, and the ticks outlast the facts.
    """

    facts: tuple[Fact, ...]
    deliveries: tuple[tuple[int, ...], ...]

    @property
    def delivery_count(self) -> int:
        """How many webhooks are sent in all."""
        return sum(map(len, self.deliveries))


def plan_day(opening: Mapping[str, int], count: int, seed: str) -> Day:
    """A day of `count` facts about some of the SKUs, from what is on hand when it opens; the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311  a play, no secret
    skus = sorted(opening)
    chosen = chance.sample(skus, min(MOST_SKUS, len(skus)))
    popularity = [1 / place for place in range(1, len(chosen) + 1)]
    stock = {sku: max(opening[sku], 0) for sku in chosen}
    facts = []
    for number in range(count):
        sku = chance.choices(chosen, popularity)[0]
        fact = _fact(chance, sku, stock[sku], number)
        stock[sku] = _after(stock[sku], fact)
        facts.append(fact)
    return Day(tuple(facts), _deliveries(chance, count))


def closing_stock(opening: Mapping[str, int], facts: Sequence[Fact]) -> dict[str, int]:
    """What is on hand of every SKU that the facts touch, after all of them, in the order in which they happened."""
    stock: dict[str, int] = {}
    for fact in facts:
        stock[fact.sku] = _after(stock.get(fact.sku, opening[fact.sku]), fact)
    return stock


def _after(on_hand: int, fact: Fact) -> int:
    return fact.on_hand if isinstance(fact, Figure) else on_hand + fact.delta


def _fact(chance: random.Random, sku: str, on_hand: int, number: int) -> Fact:
    kind = chance.choices(tuple(KINDS), tuple(KINDS.values()))[0]
    if kind == "count":
        # Now and then the shelf holds a piece less than was thought, which no change ever said.
        return Figure(sku, max(on_hand - chance.choice((0, 0, 0, 1, 2)), 0))
    if kind == "correction":
        return Change(sku, chance.choice((-1, 1, 2)) if on_hand else 1, kind, f"note {number}")
    if kind == "return":
        return Change(sku, 1, kind, f"order {1000 + number // 2}")
    if kind == "sale" and on_hand:
        return Change(sku, -min(chance.choice((1, 1, 1, 2, 3)), on_hand), kind, f"order {1000 + number}")
    # What is sold out comes in before it is sold again.
    return Change(sku, chance.randrange(5, 31), "receipt", f"delivery {100 + number}")


def _deliveries(chance: random.Random, count: int) -> tuple[tuple[int, ...], ...]:
    ticks: list[list[int]] = [[] for _ in range(count + 2 * MOST_LATE + 1)]
    for index in range(count):
        tick = index + (chance.randint(1, MOST_LATE) if chance.random() < LATE_SHARE else 0)
        ticks[tick].append(index)
        if chance.random() < DUPLICATE_SHARE:
            ticks[tick + chance.randint(1, MOST_LATE)].append(index)
    while ticks and not ticks[-1]:
        ticks.pop()
    return tuple(map(tuple, ticks))


def _message(kind: str, sku: str, moment: datetime, **more: Any) -> dict[str, Any]:
    at = moment.isoformat()
    return {"type": kind, "timestamp": at, "data": {"sku": sku, "location": LOCATION, "occurred_at": at, **more}}
