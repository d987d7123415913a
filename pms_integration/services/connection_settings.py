"""The settings of a connection as the API changes them: several at a time, all or none."""

from collections.abc import Mapping
from typing import Any, Final

from django.db import models
from django.utils.translation import gettext as _

from pms_backend.access.services import FieldChange
from pms_backend.api.problems import FieldError
from pms_backend.api.transactions import retried_atomic
from pms_integration.exceptions import ConnectionInUse, FieldFixed, InvalidCredentials
from pms_integration.models import FIELD_GROUPS, PMSConnection
from pms_integration.services.connections import insert_connection, record_change
from pms_integration.services.location_mappings import replace_locations
from pms_integration.services.outgoing import change_outgoing
from pms_integration.services.product_pushes.recording import publish_all, request_pushes_of

_OWNERS: Final = tuple(f"{group}_owner" for group in FIELD_GROUPS)
# A member of `publishes` is a column.
_PUBLISHES: Final = ("mode", "categories", "tags", "brands")
_PLAIN: Final = (
    *("name", "is_active", "is_paused", "sync_every_seconds"),
    *_OWNERS,
    *(f"publish_{name}" for name in _PUBLISHES),
)
# The names of columns in the API.
_SHOWN: Final = {
    **{f"{group}_owner": f"ownership.{group}" for group in FIELD_GROUPS},
    **{f"publish_{name}": f"publishes.{name}" for name in _PUBLISHES},
}
# Categories, tags or brands that a connection publishes.
MAX_PUBLISHED_VALUES: Final = 100
# The slug is a part of URLs and of recorded events; the kind decides how stored events are read.
_FIXED: Final = ("slug", "kind")
_OF_A_NEW_ONE: Final = (*_FIXED, "name", "secret")


@retried_atomic
def create_configured_connection(*, values: Mapping[str, Any]) -> PMSConnection:
    """Creates a connection with all that is set: what `create_connection` takes, and what `update_connection` does.

    Raises what these two raise.
    """
    connection = insert_connection(**{name: values[name] for name in _OF_A_NEW_ONE if name in values})
    changes = _change(connection, values)
    record_change("created", connection, changes, kind=connection.kind)
    return connection


@retried_atomic
def update_connection(*, slug: str, values: Mapping[str, Any]) -> PMSConnection:
    """Changes what `values` has: plain fields, `base_url` (as `check_base_url` returns it), `credentials` (null removes
    one, or all), `locations` (replaces all mappings), `ownership` and `publishes`, whose other members stay.

    Raises `PMSConnection.DoesNotExist`, `FieldFixed`, and what `set_outgoing` and `replace_locations` raise.
    """
    connection = PMSConnection.objects.select_for_update(no_key=True).get(slug=slug)
    for name in _FIXED:
        if name in values and values[name] != getattr(connection, name):
            detail = _("%(name)s is set when the connection is created, and does not change.") % {"name": name}
            raise FieldFixed(detail, errors=[FieldError(f"/{name}", FieldFixed.code, detail)])
    if changes := _change(connection, values):
        record_change("updated", connection, changes)
    return connection


@retried_atomic
def delete_connection(*, slug: str) -> None:
    """Deletes a connection, with its mappings. Raises `PMSConnection.DoesNotExist`, `ConnectionInUse`."""
    # FOR UPDATE: what is being stored for the connection waits at its commit, and then finds no connection.
    connection = PMSConnection.objects.select_for_update().get(slug=slug)
    # Django would load all protected rows into its error.
    held = [
        str(relation.related_model._meta.verbose_name_plural)
        for relation in PMSConnection._meta.related_objects
        if relation.on_delete is models.PROTECT
        and relation.related_model._base_manager.filter(**{relation.field.name: connection}).exists()
    ]
    if held:
        raise ConnectionInUse(
            _("%(slug)s has %(held)s, and stays. Switch it off instead (is_active: false).")
            % {"slug": slug, "held": ", ".join(held)}
        )
    connection.delete()
    record_change("deleted", connection)


def _change(connection: PMSConnection, values: Mapping[str, Any]) -> list[FieldChange]:
    owners = {f"{group}_owner": owner for group, owner in values.get("ownership", {}).items()}
    publishes = {f"publish_{name}": value for name, value in values.get("publishes", {}).items()}
    values = {**values, **owners, **publishes}
    changed = [name for name in _PLAIN if name in values and values[name] != getattr(connection, name)]
    changes = [FieldChange(_SHOWN.get(name, name), getattr(connection, name), values[name]) for name in changed]
    if changed:
        for name in changed:
            setattr(connection, name, values[name])
        connection.clean_fields()
        connection.save(update_fields=changed)
    called, changes_of_calls = _change_outgoing(connection, values)
    changes += changes_of_calls
    if "locations" in values:
        changes += replace_locations(connection=connection, mappings=values["locations"])
    if connection.base_url is None and called.base_url is not None:
        changed.append("base_url")
    if any(name in changed for name in (*_OWNERS, "is_active", "base_url")):
        request_pushes_of(called)
    if any(name in changed for name in ("publish_mode", "is_active", "base_url", *publishes)):
        publish_all(called)
    return changes


def _change_outgoing(connection: PMSConnection, values: Mapping[str, Any]) -> tuple[PMSConnection, list[FieldChange]]:
    base_url = values.get("base_url", connection.base_url)
    credentials = values.get("credentials", {})
    if credentials is None:
        credentials = dict.fromkeys(connection.credential_values)
    if base_url == connection.base_url and not credentials:
        return connection, []
    if base_url is None and any(value is not None for value in credentials.values()):
        detail = _("Without a base_url the PMS is not called, and has no credentials.")
        raise InvalidCredentials(detail, errors=[FieldError("/credentials", InvalidCredentials.code, detail)])
    return change_outgoing(connection_id=connection.pk, base_url=base_url, credentials=credentials)
