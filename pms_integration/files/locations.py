"""The location whose quantities a file has."""

from inventory.models import Location
from inventory.services.levels import require_location


def location_of(code: str | None) -> Location | None:
    """The active location with this code, else the first by priority, if there is one.

    Raises `UnknownLocation`, `LocationInactive`.
    """
    if code:
        return require_location(code)
    return Location.objects.filter(is_active=True).order_by("priority", "code").first()
