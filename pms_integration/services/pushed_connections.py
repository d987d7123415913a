"""The connections that a request to push names."""

from collections.abc import Callable, Sequence
from typing import Final

from django.utils.translation import gettext as _

from pms_backend.api.problems import FieldError
from pms_integration.exceptions import PMSNotCalled, UnknownConnection
from pms_integration.models import PMSConnection

MAX_PUSHED_CONNECTIONS: Final = 100


def named_connections(
    slugs: Sequence[str] | None, is_told: Callable[[PMSConnection], bool], *, what: str
) -> list[PMSConnection]:
    """The connections with these slugs, or without slugs all active ones whose PMS is told.

    Raises `UnknownConnection`, and `PMSNotCalled` for one whose PMS is not told: `what` ends the sentence.
    """
    if slugs is None:
        return [pms for pms in PMSConnection.objects.filter(is_active=True).order_by("slug") if is_told(pms)]
    found = PMSConnection.objects.in_bulk(slugs, field_name="slug")
    for index, slug in enumerate(slugs):
        if slug not in found:
            detail = _("There is no connection %(slug)s.") % {"slug": slug}
            errors = [FieldError(f"/connections/{index}", UnknownConnection.code, detail)]
            raise UnknownConnection(detail, errors=errors)
        if not (found[slug].is_active and is_told(found[slug])):
            raise PMSNotCalled(
                _("The PMS %(slug)s is not told of our %(what)s: it is not active, or not written to.")
                % {"slug": slug, "what": _(what)}
            )
    return [found[slug] for slug in sorted(found)]
