"""Writes of the category tree."""

from typing import Any, Final

from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError
from django.utils.text import slugify

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
    _check_depth(len(_ancestor_ids(category)) + 1)
    category.full_clean(validate_unique=False)
    _save(category, force_insert=True)
    _record(category)
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
    for name, value in changed.items():
        setattr(category, name, value)
    if "parent" in changed:
        above = _ancestor_ids(category)
        if category.pk in above:
            raise CategoryCycle("A category cannot be moved into itself or into one of its own.")
        _check_depth(len(above) + _height(category))
    category.full_clean(validate_unique=False)
    _save(category, update_fields=list(changed))
    _record(category)
    return category


@retried_atomic
def delete_category(*, category: Category) -> None:
    """Deletes an empty category. Raises `CategoryInUse`."""
    slug = category.slug
    try:
        category.delete()
    except ProtectedError:
        raise CategoryInUse("The category holds products or other categories.") from None
    outbox.record(CategoryChanged(slug=slug, category=None))


def _lock_tree() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [TREE_LOCK])


def _ancestor_ids(category: Category) -> list[int]:
    """The ids of the ancestors, read under the lock, since the objects of the caller may be older."""
    with connection.cursor() as cursor:
        cursor.execute(_ANCESTORS, [category.parent_id])
        return [pk for (pk,) in cursor.fetchall()]


def _height(category: Category) -> int:
    """The number of levels of the category, including its own."""
    with connection.cursor() as cursor:
        cursor.execute(_HEIGHT, [category.pk])
        return int(cursor.fetchone()[0])


# UNION instead of UNION ALL ends even if the tree has a cycle.
_ANCESTORS: Final = """
WITH RECURSIVE up(id, parent_id) AS (
    SELECT id, parent_id FROM products_category WHERE id = %s
    UNION
    SELECT above.id, above.parent_id FROM up JOIN products_category AS above ON above.id = up.parent_id
)
SELECT id FROM up
"""
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
    parent = category.parent.slug if category.parent else None
    data = {"slug": category.slug, "name": category.name, "parent": parent}
    outbox.record(CategoryChanged(slug=category.slug, category=data))
