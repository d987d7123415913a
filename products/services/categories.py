"""The category tree."""

from typing import Any

from django.db import connection
from django.db.models import ProtectedError
from django.utils.text import slugify

from pms_backend.api.transactions import retried_atomic
from pms_backend.events import services as outbox
from products.events import CategoryChanged
from products.exceptions import CategoryCycle, CategoryInUse
from products.models import Category

# The tree is changed by one at a time: a cycle takes two moves that do not see each other.
TREE_LOCK = 7_305_002


@retried_atomic
def create_category(*, name: str, slug: str = "", parent: Category | None = None) -> Category:
    """Makes a category, under `parent` or at the top."""
    category = Category(name=name, slug=slug or slugify(name, allow_unicode=True), parent=parent)
    category.full_clean()
    category.save(force_insert=True)
    _announce(category)
    return category


@retried_atomic
def update_category(*, category: Category, **values: Any) -> Category:
    """Renames or moves a category (`name`, `slug`, `parent`). Raises `CategoryCycle`."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [TREE_LOCK])
    changed = {name: value for name, value in values.items() if getattr(category, name) != value}
    if not changed:
        return category
    for name, value in changed.items():
        setattr(category, name, value)
    # Read under the lock, from the row's parent upwards: the objects that the caller holds may be older.
    ancestor_id = category.parent_id
    while ancestor_id is not None:
        if ancestor_id == category.pk:
            raise CategoryCycle("A category cannot be moved into itself or into one of its own.")
        ancestor_id = Category.objects.values_list("parent_id", flat=True).get(pk=ancestor_id)
    category.full_clean()
    category.save(update_fields=list(changed))
    _announce(category)
    return category


@retried_atomic
def delete_category(*, category: Category) -> None:
    """Removes an empty category. Raises `CategoryInUse`."""
    slug = category.slug
    try:
        category.delete()
    except ProtectedError:
        raise CategoryInUse("The category holds products or other categories.") from None
    outbox.record(CategoryChanged(slug=slug, category=None))


def _announce(category: Category) -> None:
    parent = category.parent.slug if category.parent else None
    shown = {"slug": category.slug, "name": category.name, "parent": parent}
    outbox.record(CategoryChanged(slug=category.slug, category=shown))
