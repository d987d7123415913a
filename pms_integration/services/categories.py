"""Which category of ours a PMS means: by the table of the connection, by slug, or by name."""

from collections import Counter
from collections.abc import Collection

from django.db.models.functions import Lower

from pms_integration.models import PMSCategory, PMSConnection
from products.models import Category


def slugs_of_categories(pms: PMSConnection, names: Collection[str]) -> dict[str, str]:
    """The slugs of our categories by the names that the PMS has for them; a name of several categories means none."""
    if not names:
        return {}
    lowered = {name.lower() for name in names}
    called = list(Category.objects.annotate(lowered=Lower("name")).filter(lowered__in=lowered))
    count = Counter(category.name.lower() for category in called)
    of_name = {category.name.lower(): category.slug for category in called if count[category.name.lower()] == 1}
    of_slug = set(Category.objects.filter(slug__in=names).values_list("slug", flat=True))
    mapped = PMSCategory.objects.filter(connection=pms, external_name__in=names)
    of_table = dict(mapped.values_list("external_name", "category__slug"))
    found = {name: of_table.get(name) or (name if name in of_slug else of_name.get(name.lower())) for name in names}
    return {name: slug for name, slug in found.items() if slug}


def names_of_categories(pms: PMSConnection) -> dict[str, str]:
    """The names that the PMS has for our categories, by their slugs; the others it is told by their slugs."""
    return dict(PMSCategory.objects.filter(connection=pms).values_list("category__slug", "external_name"))
