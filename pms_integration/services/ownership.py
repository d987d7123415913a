"""Changes of who owns the stock of a location: whose figures count from now on, and whose count at first.

The mapping's row is locked before the levels. Reports of the connection's PMS share that lock (`stock_names.py`), so
that each is applied either before the change or after it. A figure supersedes what is not later than it if it was
applied, whoever owns the stock afterwards (`PMSStock.included_until`). What becomes of the figures that are stored:

- opening `pms`: they are *adopted*. Each is applied now, a level is made where there is none, and counts of staff
  before the change are forgotten.
- opening `local`, and the PMS becomes the owner: they are *forgotten*. One that was never applied supersedes nothing;
  the next one that comes is the first after the last that was.
- opening `local`, and we become the owner: they stay, and those that come from now on are for comparison.

Where the PMS becomes the owner, or its quantities are taken, movements of ours that it is never told of are taken as
included in all of its figures: the next one would add them once more. That is what opened a level, what was rejected,
and with the PMS's opening what is later than the figure. What is pending stays so.
"""

import uuid
from collections.abc import Sequence
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db import connection as database
from django.db.models import F
from django.utils.translation import gettext as _

from inventory import services as inventory
from inventory.exceptions import LocationInactive
from inventory.models import StockLevel
from pms_backend.access.services import changes_between, record_audit
from pms_backend.api.exceptions import constraint
from pms_backend.api.moments import EARLIEST
from pms_backend.api.problems import FieldError
from pms_backend.api.transactions import retried_atomic
from pms_integration.exceptions import LocationNotMapped, OwnerInUse, StockOwned
from pms_integration.models import PMSConnection, PMSLocation, PMSStock, StockOwner
from pms_integration.queries import with_comparison
from pms_integration.services.clocks import by_our_clock, offset_of
from pms_integration.services.stock_pushes.recording import is_pushed_to

# Levels that are written by one statement.
BATCH_SIZE: Final = 10_000

_INCLUDE: Final = """
INSERT INTO pms_integration_pmsstockpush
    (connection_id, level_id, movement_id, delta, reason, reference, occurred_at, status, acknowledged_at)
SELECT %(connection)s, own.level_id, own.id, own.delta, own.reason, own.reference, own.occurred_at, 'acknowledged',
    %(earliest)s
"""
_UNLESS_RECORDED: Final = "ORDER BY own.id ON CONFLICT (movement_id, connection_id) DO NOTHING"
_OPENING: Final = f"""{_INCLUDE}
FROM inventory_stocklevel AS level
CROSS JOIN LATERAL (
    SELECT * FROM inventory_stockmovement WHERE level_id = level.id ORDER BY level_version LIMIT 1
) AS own
WHERE level.location_id = %(location)s AND NOT starts_with(own.source, %(prefix)s)
{_UNLESS_RECORDED}
"""
# Without those that the relay has to record yet.
_LATER: Final = f"""{_INCLUDE}
FROM pms_integration_pmsstock AS stock
JOIN inventory_stocklevel AS level ON level.variant_id = stock.variant_id AND level.location_id = stock.location_id
JOIN inventory_stockmovement AS own
    ON own.level_id = level.id AND own.occurred_at > stock.reported_at - %(offset)s
WHERE stock.connection_id = %(connection)s AND stock.location_id = %(location)s
    AND NOT starts_with(own.source, %(prefix)s)
    AND NOT EXISTS (
        SELECT FROM events_event AS event
        WHERE event.sequence IS NULL AND event.type = 'stock.changed' AND event.data -> 'movement' <> 'null'
            AND (event.data #>> '{{movement,id}}')::bigint = own.id)
{_UNLESS_RECORDED}
"""
_REJECTED: Final = """
UPDATE pms_integration_pmsstockpush SET status = 'acknowledged', acknowledged_at = %(earliest)s WHERE id IN (
    SELECT push.id FROM pms_integration_pmsstockpush AS push
    JOIN inventory_stocklevel AS level ON level.id = push.level_id
    WHERE push.connection_id = %(connection)s AND level.location_id = %(location)s AND push.status = 'rejected'
    ORDER BY push.id FOR NO KEY UPDATE OF push)
"""


@retried_atomic
def change_ownership(*, slug: str, location: str, owner: StockOwner, opening: StockOwner) -> PMSConnection:
    """Makes `pms` or `local` the owner of a location's stock, and takes the quantities of one side.

    Called with the owner that the location has, it takes the PMS's quantities again, or changes nothing. Raises
    `LocationNotMapped`, `StockOwned`, `LocationInactive`.
    """
    mapped = PMSLocation.objects.select_related("connection", "location").select_for_update(no_key=True, of=("self",))
    mapping = mapped.filter(connection__slug=slug, location__code=location).first()
    if mapping is None:
        raise LocationNotMapped(
            _("The connection %(slug)s does not map a location %(location)s.") % {"slug": slug, "location": location}
        )
    if opening == StockOwner.PMS and not mapping.location.is_active:
        raise LocationInactive(location)
    before = mapping.owns_stock
    changes = before != (owner == StockOwner.PMS)
    if changes:
        _set_owner(mapping, owns_stock=owner == StockOwner.PMS)
    if opening == StockOwner.PMS:
        _adopt_figures(mapping)
    elif changes and mapping.owns_stock:
        forget_figures(mapping)
    if not changes and opening != StockOwner.PMS:
        return mapping.connection
    field = f"locations[{location}].owns_stock"
    record_audit(
        action="pms_connection.ownership_changed",
        subject=f"pms_connection:{slug}",
        name=mapping.connection.name,
        changes=changes_between({field: before}, {field: mapping.owns_stock}),
        location=location,
        owner=owner,
        opening=opening,
    )
    return mapping.connection


def refuse_another_owner(mapping: PMSLocation, *, owns_stock: bool, pointer: str = "") -> None:
    """Raises `OwnerInUse` if the owner of the stock would change, and there is stock, or a figure."""
    if mapping.owns_stock == owns_stock:
        return
    reported = PMSStock.objects.filter(connection=mapping.connection_id, location=mapping.location_id)
    if reported.exists() or StockLevel.objects.filter(location=mapping.location_id).exists():
        detail = _(
            "There is stock at %(location_code)s. Its owner is changed by POST "
            "/api/v1/pms/connections/%(slug)s/ownership/, which says whose quantities count."
        ) % {"location_code": mapping.location_code, "slug": mapping.connection.slug}
        raise OwnerInUse(detail, errors=[FieldError(f"{pointer}/owns_stock", OwnerInUse.code, detail)])


def forget_figures(mapping: PMSLocation) -> None:
    """Forgets the figures of a location whose owner the PMS becomes, while the quantities stay as they are.

    One with an earlier figure that was applied stays for its moment: what the PMS changed until then is in the level.
    """
    _include_untold(mapping, _OPENING, _REJECTED)
    never_applied = PMSStock.objects.filter(included_until=None)
    never_applied.filter(connection=mapping.connection_id, location=mapping.location_id).delete()


def _set_owner(mapping: PMSLocation, *, owns_stock: bool) -> None:
    mapping.owns_stock = owns_stock
    try:
        with transaction.atomic():
            mapping.save(update_fields=["owns_stock"])
    except IntegrityError as error:
        if constraint(error) != "pms_location_one_owner":
            raise
        detail = _("Another connection owns the stock of %(location_code)s.") % {"location_code": mapping.location_code}
        raise StockOwned(detail, errors=[FieldError("/owner", StockOwned.code, detail)]) from None


def _adopt_figures(mapping: PMSLocation) -> None:
    name = f"{mapping.connection.slug}:ownership-{uuid.uuid4()}"
    reported = PMSStock.objects.filter(connection=mapping.connection_id, location=mapping.location_id)
    variants = list(reported.order_by("variant").values_list("variant", flat=True))
    for first in range(0, len(variants), BATCH_SIZE):
        _adopt_batch(mapping, variants[first : first + BATCH_SIZE], name)
    _include_untold(mapping, _OPENING, _LATER, _REJECTED)


def _adopt_batch(mapping: PMSLocation, variants: Sequence[int], name: str) -> None:
    keys = [(variant, mapping.location_id) for variant in variants]
    levels = inventory.LevelBatch(keys, create=keys)
    reported = PMSStock.objects.filter(
        connection=mapping.connection_id, location=mapping.location_id, variant__in=variants
    ).order_by("variant")
    offset = offset_of(mapping.connection)
    found = with_comparison(reported).values_list("variant", "reported_at", "difference")
    corrections = [
        inventory.Correction(
            level=(variant, mapping.location_id),
            delta=-difference,
            occurred_at=by_our_clock(reported_at, offset),
            note="The PMS's figure, taken when the owner was changed.",
            source=f"{name}:{variant}",
            forgets_count=True,
        )
        for variant, reported_at, difference in found
        if difference or levels.states[variant, mapping.location_id].counted_at is not None
    ]
    inventory.apply_external_changes(levels, corrections)
    reported.update(included_until=F("reported_at"), before_count_at=None)


def _include_untold(mapping: PMSLocation, *statements: str) -> None:
    """Takes movements of ours as included in every figure of a PMS that is told of the others."""
    if not is_pushed_to(mapping.connection):
        return
    parameters: dict[str, Any] = {
        "connection": mapping.connection_id,
        "location": mapping.location_id,
        "prefix": f"{mapping.connection.slug}:",
        "earliest": EARLIEST,
        "offset": offset_of(mapping.connection),
    }
    with database.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement, parameters)
