"""Locations."""

from collections.abc import Sequence
from typing import Any, Final

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from inventory.events import LocationChanged, LocationData
from inventory.exceptions import CodeTaken, LocationHoldsStock
from inventory.models import Location, StockLevel
from inventory.services.renames import announce_renamed_location
from pms_backend.access.services import FieldChange, changes_between, record_audit, values_of
from pms_backend.api.exceptions import constraint
from pms_backend.api.transactions import retried_atomic
from pms_backend.events import services as outbox


@retried_atomic
def create_location(*, code: str, name: str, **values: Any) -> Location:
    """Creates a location (`priority`, `is_active`, `address` as further values). Raises `CodeTaken`."""
    location = Location(code=code, name=name, **values)
    location.full_clean(validate_unique=False)
    _save(location, force_insert=True)
    _announce(location)
    _audit("created", location)
    return location


@retried_atomic
def update_location(*, code: str, values: dict[str, Any]) -> Location:
    """Changes a location.

    Raises `LocationHoldsStock` where one with stock would be closed, `CodeTaken`, `Location.DoesNotExist`.
    """
    location = Location.objects.select_for_update().get(code=code)
    changed = {name: value for name, value in values.items() if getattr(location, name) != value}
    if changed.get("is_active") is False:
        _require_empty(location)
    if changed:
        changes = changes_between(values_of(location, list(changed)), changed)
        for name, value in changed.items():
            setattr(location, name, value)
        location.full_clean(validate_unique=False)
        _save(location, update_fields=list(changed))
        _announce(location)
        _audit("updated", location, changes)
        if "code" in changed:
            announce_renamed_location(location.pk)
    return location


def _require_empty(location: Location) -> None:
    # Locked in the order of all locks on levels: a concurrent change waits, and is then refused by the trigger
    # inventory_stocklevel_location_active.
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_LEVELS, [location.pk])
    if StockLevel.objects.filter(location=location).exclude(on_hand=0, reserved=0, incoming=0).exists():
        raise LocationHoldsStock(_("%(code)s holds stock; move or count it out first.") % {"code": location.code})


_LOCK_LEVELS: Final = """
SELECT 1 FROM inventory_stocklevel WHERE location_id = %s ORDER BY variant_id FOR NO KEY UPDATE
"""


def _save(location: Location, **more: Any) -> None:
    try:
        with transaction.atomic():
            location.save(**more)
    except IntegrityError as error:
        if constraint(error).startswith("inventory_location_code"):
            raise CodeTaken(location.code) from None
        raise


def _audit(what: str, location: Location, changes: Sequence[FieldChange] = ()) -> None:
    name = f"{location.name} ({location.code})"
    record_audit(action=f"location.{what}", subject=f"location:{location.pk}", name=name, changes=changes)


def _announce(location: Location) -> None:
    outbox.record(LocationChanged(location={name: getattr(location, name) for name in LocationData.__annotations__}))
