"""The lines that a reservation requests: what they must be, and why some are refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _

from inventory.exceptions import (
    InvalidLines,
    InvalidQuantity,
    InvalidReservation,
    LocationInactive,
    RefusedLines,
    UnknownLocation,
    UnknownSku,
)
from inventory.models import MAX_QUANTITY, Location
from pms_backend.api.exceptions import DomainError
from pms_backend.api.problems import FieldError
from products.models import ProductStatus, Variant
from products.skus import sku_key

MAX_RESERVATION_LINES: Final = 500
MIN_EXPIRES_IN_SECONDS: Final = 1
DEFAULT_EXPIRES_IN_SECONDS: Final = 15 * 60
MAX_EXPIRES_IN_SECONDS: Final = 7 * 24 * 60 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationRequest:
    """Units of a SKU, at this location, or at any where it is None."""

    sku: str
    quantity: int
    location: str | None = None


def explain_unknown_lines(requests: Sequence[ReservationRequest]) -> None:
    """Raises `InvalidLines` for SKUs and locations that do not exist."""
    variants, locations = _variants_of(requests), _locations_of(requests)
    unknown: list[FieldError] = []
    for index, request in enumerate(requests):
        if sku_key(request.sku) not in variants:
            unknown += _in_line(index, UnknownSku(request.sku))
        elif request.location is not None and request.location not in locations:
            unknown += _in_line(index, UnknownLocation(request.location))
    if unknown:
        raise InvalidLines(unknown)


def explain_refused_lines(requests: Sequence[ReservationRequest], *, published_only: bool) -> None:
    """Raises `InvalidLines` for SKUs that storefronts do not see, `RefusedLines` for locations that are closed."""
    if published_only:
        variants = _variants_of(requests)
        hidden: list[FieldError] = []
        for index, request in enumerate(requests):
            variant = variants.get(sku_key(request.sku))
            if variant is not None and (variant.is_archived or variant.product.status != ProductStatus.ACTIVE):
                # As if it did not exist.
                hidden += _in_line(index, UnknownSku(variant.sku))
        if hidden:
            raise InvalidLines(hidden)
    locations = _locations_of(requests)
    closed: list[FieldError] = []
    for index, request in enumerate(requests):
        if request.location is not None and not locations.get(request.location, True):
            closed += _in_line(index, LocationInactive(request.location))
    if closed:
        raise RefusedLines(closed)


def _variants_of(requests: Sequence[ReservationRequest]) -> dict[str, Variant]:
    variants = Variant.objects.select_related("product").only("sku", "sku_key", "is_archived", "product__status")
    keys = {sku_key(request.sku) for request in requests}
    return {variant.sku_key: variant for variant in variants.filter(sku_key__in=keys)}


def _locations_of(requests: Sequence[ReservationRequest]) -> dict[str, bool]:
    """Whether each named location is active."""
    codes = {request.location for request in requests if request.location is not None}
    return dict(Location.objects.filter(code__in=codes).values_list("code", "is_active"))


def _in_line(index: int, error: DomainError) -> list[FieldError]:
    """The errors of a refusal, with JSON pointers into this line."""
    return [FieldError(f"/lines/{index}{one.pointer}", one.code, one.detail) for one in error.errors]


def check_expires_in(seconds: int) -> None:
    """Raises `InvalidReservation` for a duration out of bounds."""
    if not MIN_EXPIRES_IN_SECONDS <= seconds <= MAX_EXPIRES_IN_SECONDS:
        raise InvalidReservation(
            _("expires_in is a number of seconds from %(min)s to %(max)s.")
            % {"min": MIN_EXPIRES_IN_SECONDS, "max": MAX_EXPIRES_IN_SECONDS}
        )


def check_quantity(quantity: int) -> None:
    """Raises `InvalidQuantity` for a quantity out of bounds."""
    if not 1 <= quantity <= MAX_QUANTITY:
        raise InvalidQuantity(_("A quantity is a whole number from 1 to %(max)s.") % {"max": MAX_QUANTITY})


def check_lines(requests: Sequence[ReservationRequest]) -> None:
    """Raises `InvalidReservation` for too few or too many lines, `InvalidQuantity`."""
    if not 1 <= len(requests) <= MAX_RESERVATION_LINES:
        raise InvalidReservation(_("A reservation has 1 to %(max)s lines.") % {"max": MAX_RESERVATION_LINES})
    for request in requests:
        check_quantity(request.quantity)
