"""The PMS's products."""

import json
import sqlite3
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from pms_integration.simulator.clock import format_moment
from pms_integration.simulator.exchange import Refusal
from pms_integration.simulator.paging import Page, make_cursor
from pms_integration.simulator.simulation import Transaction

# So long a list shows what is gone.
TOMBSTONE_TIME: Final = timedelta(days=30)
# An update has this type if it changes the status so.
_STATUS_EVENTS: Final[Mapping[tuple[Any, Any], str]] = {
    ("draft", "active"): "product.published",
    ("active", "draft"): "product.unpublished",
}
_UPSERT: Final = """
INSERT INTO product (id, version, updated_at, is_deleted, body) VALUES (:id, :version, :updated_at, :is_deleted, :body)
ON CONFLICT (id) DO UPDATE SET version = excluded.version, updated_at = excluded.updated_at,
    is_deleted = excluded.is_deleted, body = excluded.body
"""


def list_products(work: Transaction, page: Page) -> tuple[list[dict[str, Any]], str | None]:
    """A page of products and tombstones by id, and the cursor of the next."""
    rows = work.db.execute(
        """SELECT * FROM product WHERE id > ? AND updated_at >= ? AND (NOT is_deleted OR updated_at >= ?)
        ORDER BY id LIMIT ?""",
        (*(page.after or ("",)), page.since, format_moment(work.clock.now() - TOMBSTONE_TIME), page.limit + 1),
    ).fetchall()
    shown = rows[: page.limit]
    return [shown_product(row) for row in shown], make_cursor(shown[-1]["id"]) if len(rows) > len(shown) else None


def find_product(work: Transaction, product_id: str) -> sqlite3.Row:
    """The row of a product that is there. Raises `Refusal`."""
    row = _row(work, product_id)
    if row is None or row["is_deleted"]:
        raise Refusal(404, "not_found", "There is no product with this id.")
    return row


def shown_product(row: sqlite3.Row) -> dict[str, Any]:
    """A product as it is answered and announced; a tombstone if it is deleted."""
    if row["is_deleted"]:
        return {"id": row["id"], "version": row["version"], "deleted": True}
    own = {"id": row["id"], "version": row["version"], "updated_at": row["updated_at"]}
    return {**own, **json.loads(row["body"])}


def create_product(work: Transaction, product: dict[str, Any], product_id: str = "") -> dict[str, Any]:
    """Creates a product; one with the id of a deleted one comes back. Raises `Refusal`."""
    known = _row(work, product_id) if product_id else None
    if known is not None and not known["is_deleted"]:
        raise Refusal(409, "id_taken", "There is a product with this id.")
    while not product_id:
        product_id = f"p-{work.count('products.numbered'):07}"
        product_id = "" if _row(work, product_id) else product_id
    return _write(work, product_id, product, known, "product.created")


def replace_product(work: Transaction, known: sqlite3.Row, product: dict[str, Any]) -> dict[str, Any]:
    """Replaces all members of a product. Raises `Refusal`."""
    statuses = (json.loads(known["body"]).get("status"), product.get("status"))
    return _write(work, known["id"], product, known, _STATUS_EVENTS.get(statuses, "product.updated"))


def delete_product(work: Transaction, known: sqlite3.Row) -> dict[str, Any]:
    """Leaves a tombstone, with a version of its own. The levels of its SKUs stay."""
    work.db.execute("DELETE FROM variant WHERE product = ?", (known["id"],))
    tombstone = _store(work, known["id"], {}, known, is_deleted=True)
    work.announce("product.deleted", shown_product(tombstone), moment=tombstone["updated_at"])
    return shown_product(tombstone)


def product_of_key(work: Transaction, key: str, request: str) -> dict[str, Any] | None:
    """The present product of an idempotency key that was used, None if it was not. Raises `Refusal`."""
    used = work.db.execute("SELECT request, product FROM used_key WHERE idempotency_key = ?", (key,)).fetchone()
    if used is None:
        return None
    if used["request"] != request:
        raise Refusal(422, "idempotency_key_reused", "The key was used for another request.")
    work.count("products.repeated")
    row = _row(work, used["product"])
    return shown_product(row) if row else None


def use_key(work: Transaction, key: str, request: str, product_id: str) -> None:
    """Remembers what a key was used for, together with the write."""
    work.db.execute("INSERT INTO used_key VALUES (?, ?, ?)", (key, request, product_id))


def _row(work: Transaction, product_id: str) -> sqlite3.Row | None:
    row: sqlite3.Row | None = work.db.execute("SELECT * FROM product WHERE id = ?", (product_id,)).fetchone()
    return row


def _write(
    work: Transaction, product_id: str, product: dict[str, Any], known: sqlite3.Row | None, event: str
) -> dict[str, Any]:
    work.db.execute("DELETE FROM variant WHERE product = ?", (product_id,))
    for variant in product["variants"]:
        try:
            work.db.execute("INSERT INTO variant VALUES (?, ?)", (variant["sku"], product_id))
        except sqlite3.IntegrityError:
            raise Refusal(409, "sku_taken", f"Another product has the SKU {variant['sku']}.") from None
    row = _store(work, product_id, product, known, is_deleted=False)
    work.announce(event, shown_product(row), moment=row["updated_at"])
    return shown_product(row)


def _store(
    work: Transaction, product_id: str, product: dict[str, Any], known: sqlite3.Row | None, *, is_deleted: bool
) -> sqlite3.Row:
    version, before = (known["version"], known["updated_at"]) if known else (0, None)
    values = {
        "id": product_id,
        "version": version + 1,
        "updated_at": work.clock.moment_after(before),
        "is_deleted": is_deleted,
        "body": json.dumps(product),
    }
    row: sqlite3.Row = work.db.execute(f"{_UPSERT} RETURNING *", values).fetchone()
    return row
