"""The list of a connection's locations, which is replaced as a whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Final

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from inventory.exceptions import UnknownLocation
from inventory.models import Location
from pms_backend.access.services import FieldChange
from pms_backend.api.problems import FieldError
from pms_backend.api.transactions import retried_atomic
from pms_integration.exceptions import LocationRepeated
from pms_integration.models import PMSConnection, PMSLocation
from pms_integration.services.connections import external_id_taken, mapping_changes, mapping_refusal
from pms_integration.services.ownership import forget_figures, refuse_another_owner

# Each new one is a statement.
MAX_MAPPED_LOCATIONS: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationMapping:
    """The id of a location in a PMS, and whether the PMS owns the stock there; `location_code` is our code."""

    location_code: str
    external_id: str
    owns_stock: bool = False


@retried_atomic
def replace_locations(*, connection: PMSConnection, mappings: Sequence[LocationMapping]) -> list[FieldChange]:
    """Maps these locations and no others; a mapping that stays the same is not written. Returns the changes.

    A location that is mapped anew, and whose stock the PMS owns, keeps its quantities. Raises `UnknownLocation`,
    `LocationRepeated`, `ExternalIdTaken`, `StockOwned` and `OwnerInUse`, for `/locations/INDEX`.
    """
    locations = _resolve(connection, mappings)
    wanted = {location.pk: _values(mapping) for location, mapping in zip(locations, mappings, strict=True)}
    mapped = connection.locations.select_related("location").select_for_update(no_key=True, of=("self",))
    rows = {row.location_id: row for row in mapped.order_by("location")}
    held = {pk: _values(row) for pk, row in rows.items()}
    if wanted == held:
        return []
    for index, (location, mapping) in enumerate(zip(locations, mappings, strict=True)):
        if location.pk in rows:
            refuse_another_owner(rows[location.pk], owns_stock=mapping.owns_stock, pointer=f"/locations/{index}")
    # They are deleted before others are written: two locations may exchange their ids.
    connection.locations.filter(location__in=[pk for pk in held if held[pk] != wanted.get(pk)]).delete()
    for index, (location, mapping) in enumerate(zip(locations, mappings, strict=True)):
        if wanted[location.pk] != held.get(location.pk):
            created = _create(connection, location, mapping, pointer=f"/locations/{index}")
            if created.owns_stock and location.pk not in rows:
                forget_figures(created)
    codes = {pk: row.location_code for pk, row in rows.items()} | {one.pk: one.code for one in locations}
    return [
        change
        for pk, code in sorted(codes.items(), key=itemgetter(1))
        for change in mapping_changes(code, held.get(pk), wanted.get(pk))
    ]


def _resolve(connection: PMSConnection, mappings: Sequence[LocationMapping]) -> list[Location]:
    """The locations of the mappings, in their order."""
    by_code = Location.objects.in_bulk([mapping.location_code for mapping in mappings], field_name="code")
    codes: set[str] = set()
    external_ids: set[str] = set()
    for index, mapping in enumerate(mappings):
        pointer, code = f"/locations/{index}", mapping.location_code
        if code not in by_code:
            raise UnknownLocation(code, pointer=f"{pointer}/location")
        if code in codes:
            detail = _("%(code)s is mapped twice.") % {"code": code}
            errors = [FieldError(f"{pointer}/location", LocationRepeated.code, detail)]
            raise LocationRepeated(detail, errors=errors)
        if mapping.external_id in external_ids:
            raise external_id_taken(slug=connection.slug, external_id=mapping.external_id, pointer=pointer)
        codes.add(code)
        external_ids.add(mapping.external_id)
    return [by_code[mapping.location_code] for mapping in mappings]


def _create(connection: PMSConnection, location: Location, mapping: LocationMapping, *, pointer: str) -> PMSLocation:
    external_id, owns_stock = _values(mapping)
    try:
        with transaction.atomic():
            return connection.locations.create(location=location, external_id=external_id, owns_stock=owns_stock)
    except IntegrityError as error:
        refusal = mapping_refusal(
            error, slug=connection.slug, code=location.code, external_id=external_id, pointer=pointer
        )
        raise refusal or error from None


def _values(mapping: LocationMapping | PMSLocation) -> tuple[str, bool]:
    return mapping.external_id, mapping.owns_stock
