"""The catalogue that a new simulator begins with."""

import json
import random
import sqlite3
from typing import Any, Final

from pms_integration.simulator.clock import Clock, format_moment
from pms_integration.simulator.storage import Storage, count

_ADJECTIVES: Final = ("Blue", "Round", "Heavy", "Small", "Woven", "Glazed", "Plain", "Folding")
_NOUNS: Final = ("lamp", "mug", "blanket", "chair", "basket", "bowl", "kettle", "shelf")
_SIZES: Final = ("S", "M", "L")
_MAX_ON_HAND: Final = 200


def create_catalogue(storage: Storage, clock: Clock, number: int, seed: str) -> int:
    """Creates so many products with stock at every location, unless there are some; returns how many were created.

    Nothing is announced: this is what was there before anybody subscribed.
    """
    chance = random.Random(seed)  # noqa: S311 - a simulation
    with storage.transaction() as db:
        if db.execute("SELECT 1 FROM product").fetchone() is not None:
            return 0
        moment = format_moment(clock.now())
        products = [_product(index, chance) for index in range(1, number + 1)]
        db.executemany(
            "INSERT INTO product VALUES (?, 1, ?, 0, ?)",
            [(f"p-{index:07}", moment, json.dumps(product)) for index, product in enumerate(products, start=1)],
        )
        skus = [
            (variant["sku"], f"p-{index:07}")
            for index, product in enumerate(products, start=1)
            for variant in product["variants"]
        ]
        db.executemany("INSERT INTO variant VALUES (?, ?)", skus)
        _receive(db, [sku for sku, _ in skus], moment, chance)
        count(db, "products.numbered", number)
    return number


def _product(index: int, chance: random.Random) -> dict[str, Any]:
    sizes = _SIZES[: chance.choice((1, 1, 2, 3))]
    price = f"{chance.randint(3, 200)}.{chance.choice(('00', '50', '90'))}"
    variants = [
        {
            "id": f"v-{index:07}-{size}",
            "sku": f"SIM-{index:05}-{size}",
            "price": price,
            "currency": "USD",
            "options": {"Size": size} if len(sizes) > 1 else {},
            "position": position,
        }
        for position, size in enumerate(sizes)
    ]
    return {
        "name": f"{chance.choice(_ADJECTIVES)} {chance.choice(_NOUNS)} {index}",
        "description": f"Product {index} of the simulated PMS.",
        "brand": chance.choice(("Northway", "Field & Fern")),
        "status": "active",
        "tags": ["simulated"],
        "options": [{"name": "Size", "values": list(sizes)}] if len(sizes) > 1 else [],
        "variants": variants,
        "shelf_note": f"Shelf {chance.randint(1, 99)}",  # a member that only the PMS knows
    }


def _receive(db: sqlite3.Connection, skus: list[str], moment: str, chance: random.Random) -> None:
    """The opening figure of each level is its first movement."""
    locations = [row["id"] for row in db.execute("SELECT id FROM location ORDER BY id")]
    levels = [(sku, location, chance.randint(0, _MAX_ON_HAND), moment) for sku in skus for location in locations]
    db.executemany("INSERT INTO level VALUES (?, ?, ?, 1, ?)", levels)
    db.execute(
        """INSERT INTO movement (sku, location, delta, reason, reference, on_hand, version, occurred_at)
        SELECT sku, location, on_hand, 'receipt', '', on_hand, 1, updated_at FROM level"""
    )
