"""The table of a connection with the names by which its PMS calls our categories."""

from collections import Counter
from collections.abc import Mapping

from django.utils.translation import gettext as _

from pms_backend.access.services import FieldChange
from pms_backend.api.transactions import retried_atomic
from pms_integration.exceptions import CategoryNameTaken
from pms_integration.models import PMSCategory, PMSConnection
from pms_integration.services.connections import record_change
from products.models import Category


@retried_atomic
def name_categories(*, connection: PMSConnection, names: Mapping[Category, str | None]) -> None:
    """Sets the names of these categories in the PMS, which hold for what is reported from now on; None forgets one.

    Raises `CategoryNameTaken`.
    """
    # Who changes the table waits here, so that no name comes between the check and the rows.
    PMSConnection.objects.select_for_update(no_key=True).get(pk=connection.pk)
    before = dict(connection.categories.values_list("category", "external_name"))
    kept = before.keys() - {category.pk for category in names}
    count = Counter([*(before[pk] for pk in kept), *filter(None, names.values())])
    if taken := sorted(name for name, number in count.items() if number > 1):
        raise CategoryNameTaken(
            _("%(slug)s calls two categories %(taken)s.") % {"slug": connection.slug, "taken": ", ".join(taken)}
        )
    # Two categories may exchange their names.
    connection.categories.filter(category__in=names).delete()
    PMSCategory.objects.bulk_create(
        PMSCategory(connection=connection, category=category, external_name=name)
        for category, name in names.items()
        if name is not None
    )
    changes = [
        FieldChange(f"categories[{category.slug}]", before.get(category.pk), name)
        for category, name in names.items()
        if before.get(category.pk) != name
    ]
    if changes:
        record_change("categories_named", connection, changes)
