"""Recorded events."""

from pms_backend.events.models import Event


def recorded() -> list[tuple[str, str]]:
    """(type, subject) of every event, in the order of recording."""
    return list(Event.objects.order_by("id").values_list("type", "subject"))
