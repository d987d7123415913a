"""Writes of the category tree."""

from collections.abc import Sequence
from typing import Any, Final

from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError
from django.utils.text import slugify
from django.utils.translation import gettext as _

from pms_backend.access.services import FieldChange, changes_between, record_audit
from pms_backend.api.exceptions import constraint
from pms_backend.api.transactions import retried_atomic
from pms_backend.events import services as outbox
from products.events import CategoryChanged
from products.exceptions import CategoryCycle, CategoryInUse, CategoryTooDeep, SlugTaken
from products.models import MAX_CATEGORY_DEPTH, Category

# One transaction at a time changes the tree, since two concurrent moves could make a cycle.
TREE_LOCK = 7_305_002


@retried_atomic
def create_category(*, name: str, slug: str = "", parent: Category | None = None) -> Category:
    """Creates a category, under `parent` or at the top. Raises `SlugTaken`, `CategoryTooDeep`."""
    _lock_tree()
    category = Category(name=name, slug=slug or slugify(name, allow_unicode=True), parent=parent)
    _check_depth(len(_numbers(_ANCESTORS, category.parent_id)) + 1)
    category.full_clean(validate_unique=False)
    _save(category, force_insert=True)
    _record(category)
    _audit("created", category)
    return category


@retried_atomic
def update_category(*, category: Category, **values: Any) -> Category:
    """Renames or moves a category (`name`, `slug`, `parent`).

    Raises `CategoryCycle`, `CategoryTooDeep`, `SlugTaken`.
    """
    _lock_tree()
    changed = {name: value for name, value in values.items() if getattr(category, name) != value}
    if not changed:
        return category
    before = _values(category)
    for name, value in changed.items():
        setattr(category, name, value)
    if "parent" in changed:
        ancestors = _numbers(_ANCESTORS, category.parent_id)
        if category.pk in ancestors:
            raise CategoryCycle(_("A category cannot be moved into itself or into one of its own."))
        _check_depth(len(ancestors) + _numbers(_HEIGHT, category.pk)[0])
    category.full_clean(validate_unique=False)
    _save(category, update_fields=list(changed))
    _record(category)
    _audit("updated", category, changes_between(before, _values(category)))
    return category


@retried_atomic
def delete_category(*, category: Category) -> None:
    """Deletes an empty category. Raises `CategoryInUse`."""
    slug, pk = category.slug, category.pk
    try:
        category.delete()
    except ProtectedError:
        raise CategoryInUse(_("The category holds products or other categories.")) from None
    outbox.record(CategoryChanged(slug=slug, category=None))
    record_audit(action="category.deleted", subject=f"category:{pk}", name=category.name)


def _lock_tree() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [TREE_LOCK])


def _numbers(statement: str, category_id: int | None) -> list[int]:
    """The numbers that the statement returns, read under the lock, since the objects of the caller may be older."""
    with connection.cursor() as cursor:
        cursor.execute(statement, [category_id])
        return [number for (number,) in cursor.fetchall()]


# The category and its ancestors. UNION instead of UNION ALL ends even if the tree has a cycle.
_ANCESTORS: Final = """
WITH RECURSIVE up(id, parent_id) AS (
    SELECT id, parent_id FROM products_category WHERE id = %s
    UNION
    SELECT above.id, above.parent_id FROM up JOIN products_category AS above ON above.id = up.parent_id
)
SELECT id FROM up
"""
# The number of levels of the category, including its own.
_HEIGHT: Final = """
WITH RECURSIVE down(id, level) AS (
    SELECT %s::bigint, 1
    UNION ALL
    SELECT below.id, down.level + 1 FROM down JOIN products_category AS below ON below.parent_id = down.id
)
SELECT max(level) FROM down
"""


def _check_depth(depth: int) -> None:
    if depth > MAX_CATEGORY_DEPTH:
        raise CategoryTooDeep(MAX_CATEGORY_DEPTH)


def _save(category: Category, **more: Any) -> None:
    try:
        with transaction.atomic():
            category.save(**more)
    except IntegrityError as error:
        if constraint(error).startswith("products_category_slug"):
            raise SlugTaken(category.slug) from None
        raise


def _record(category: Category) -> None:
    outbox.record(CategoryChanged(slug=category.slug, category=_values(category)))


def _values(category: Category) -> dict[str, Any]:
    parent = category.parent.slug if category.parent else None
    return {"slug": category.slug, "name": category.name, "parent": parent}


def _audit(what: str, category: Category, changes: Sequence[FieldChange] = ()) -> None:
    record_audit(action=f"category.{what}", subject=f"category:{category.pk}", name=category.name, changes=changes)
