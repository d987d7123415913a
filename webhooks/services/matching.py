"""Which events an endpoint gets, as SQL: of rows `event` with type and subject, and `endpoint`."""

from typing import Final

from webhooks.events import TEST

# A pattern is a type, or its beginning: `stock.*`, `*`.
_MATCHES_TYPE: Final = """EXISTS (
    SELECT FROM unnest(endpoint.event_types) AS pattern
    WHERE CASE WHEN pattern LIKE '%%*' THEN starts_with({type}, left(pattern, -1)) ELSE {type} = pattern END)"""


def matches_type(kind: str) -> str:
    """The condition that the endpoint gets events of a type, whose column is `kind`."""
    return _MATCHES_TYPE.format(type=kind)


# A test is for the endpoint that is tried, whatever else it gets.
GETS_EVENT: Final = f"""(
    CASE WHEN event.type = '{TEST}' THEN event.subject = 'endpoint:' || endpoint.id
    ELSE {matches_type("event.type")} END)"""
