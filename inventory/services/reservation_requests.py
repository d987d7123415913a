"""The lines that a reservation requests: checked, and their SKUs and locations looked up."""

from collections import Counter
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
from inventory.services.levels import Key
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


@dataclass(frozen=True, slots=True)
class RequestedLine:
    """A line with its variant and location."""

    index: int
    variant: Variant
    location: Location | None
    quantity: int

    @property
    def is_published(self) -> bool:
        """Whether storefronts see the variant."""
        return self.variant.product.status == ProductStatus.ACTIVE and not self.variant.is_archived


class RequestedLines:
    """The lines of one request. Raises `InvalidLines` for SKUs and locations that do not exist."""

    def __init__(self, requests: Sequence[ReservationRequest]) -> None:
        _check(requests)
        named = {request.location for request in requests if request.location is not None}
        self._locations = list(Location.objects.order_by("priority", "code"))
        variants = Variant.objects.select_related("product").only("sku", "sku_key", "is_archived", "product__status")
        by_key = {
            one.sku_key: one for one in variants.filter(sku_key__in={sku_key(request.sku) for request in requests})
        }
        by_code = {location.code: location for location in self._locations if location.code in named}
        self.lines: list[RequestedLine] = []
        unknown: list[FieldError] = []
        for index, request in enumerate(requests):
            variant, location = by_key.get(sku_key(request.sku)), by_code.get(request.location or "")
            if variant is None:
                unknown += in_line(index, UnknownSku(request.sku))
            elif location is None and request.location is not None:
                unknown += in_line(index, UnknownLocation(request.location))
            else:
                self.lines.append(RequestedLine(index, variant, location, request.quantity))
        if unknown:
            raise InvalidLines(unknown)

    def as_json(self) -> list[list[int | None]]:
        """The units of each variant and location, sorted: equal for every order and split of the same request."""
        units: Counter[tuple[int, int | None]] = Counter()
        for line in self.lines:
            units[line.variant.pk, line.location.pk if line.location else None] += line.quantity
        # None, which cannot be compared, counts as 0.
        ordered = sorted(units.items(), key=lambda item: (item[0][0], item[0][1] or 0))
        return [[variant, location, quantity] for (variant, location), quantity in ordered]

    @property
    def variant_ids(self) -> set[int]:
        """The variants of all lines."""
        return {line.variant.pk for line in self.lines}

    def keys_of(self, line: RequestedLine) -> list[Key]:
        """The levels that may serve a line, by the priority of their locations."""
        active = [location for location in self._locations if location.is_active]
        return [(line.variant.pk, location.pk) for location in ([line.location] if line.location else active)]

    def require_published(self) -> None:
        """Raises `InvalidLines` for SKUs that storefronts do not see, as if they did not exist."""
        hidden = [line for line in self.lines if not line.is_published]
        if errors := [error for line in hidden for error in in_line(line.index, UnknownSku(line.variant.sku))]:
            raise InvalidLines(errors)

    def require_active_locations(self) -> None:
        """Raises `RefusedLines` for locations that are closed."""
        named = [(line.index, line.location) for line in self.lines if line.location is not None]
        closed = [(index, LocationInactive(location.code)) for index, location in named if not location.is_active]
        if errors := [error for index, refusal in closed for error in in_line(index, refusal)]:
            raise RefusedLines(errors)


def in_line(index: int, error: DomainError) -> list[FieldError]:
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


def _check(requests: Sequence[ReservationRequest]) -> None:
    if not 1 <= len(requests) <= MAX_RESERVATION_LINES:
        raise InvalidReservation(_("A reservation has 1 to %(max)s lines.") % {"max": MAX_RESERVATION_LINES})
    for request in requests:
        check_quantity(request.quantity)
