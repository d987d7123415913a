"""Writes of PMS connections: their secrets and their locations."""

import base64
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from inventory.models import Location
from pms_backend.access.services import FieldChange, changes_between, record_audit
from pms_backend.api.exceptions import constraint
from pms_backend.api.problems import FieldError
from pms_backend.api.transactions import retried_atomic
from pms_integration.connectors import CONNECTORS
from pms_integration.exceptions import ConnectionSlugTaken, ExternalIdTaken, InvalidSecret, StockOwned, UnknownKind
from pms_integration.models import STANDARD, PMSConnection, PMSLocation
from pms_integration.services.ownership import forget_figures, refuse_another_owner

SECRET_BYTES: Final = 32
# Of a secret that a PMS has made; Shopify's have 32 characters.
MIN_SECRET_LENGTH: Final = 16
MAX_SECRET_LENGTH: Final = 255
# How long the previous secret still signs webhooks after a rotation, so that the PMS can be updated meanwhile.
PREVIOUS_SECRET_VALID_FOR: Final = timedelta(hours=24)


@retried_atomic
def create_connection(*, slug: str, name: str, kind: str = STANDARD, secret: str = "") -> PMSConnection:
    """Creates a connection with the secret that its PMS has made, else with a new one.

    Raises `UnknownKind`, `InvalidSecret`, `ConnectionSlugTaken`.
    """
    connection = insert_connection(slug=slug, name=name, kind=kind, secret=secret)
    record_change("created", connection, kind=kind)
    return connection


def insert_connection(*, slug: str, name: str, kind: str = STANDARD, secret: str = "") -> PMSConnection:
    """What `create_connection` does, without its history."""
    if kind not in CONNECTORS:
        detail = _("%(kind)s is not one of %(connectors)s.") % {"kind": kind, "connectors": ", ".join(CONNECTORS)}
        raise UnknownKind(detail, errors=[FieldError("/kind", UnknownKind.code, detail)])
    connection = PMSConnection(slug=slug, name=name, kind=kind, secret=_checked_or_new(secret))
    connection.full_clean(validate_unique=False)
    try:
        with transaction.atomic():
            connection.save(force_insert=True)
    except IntegrityError as error:
        if constraint(error).startswith("pms_integration_pmsconnection_slug"):
            detail = _("Another connection has the slug %(slug)s.") % {"slug": slug}
            errors = [FieldError("/slug", ConnectionSlugTaken.code, detail)]
            raise ConnectionSlugTaken(detail, errors=errors) from None
        raise
    return connection


def record_change(what: str, connection: PMSConnection, changes: Sequence[FieldChange] = (), **detail: Any) -> None:
    """Adds `pms_connection.WHAT` to the history of the connection."""
    record_audit(
        action=f"pms_connection.{what}",
        subject=f"pms_connection:{connection.slug}",
        name=connection.name,
        changes=changes,
        **detail,
    )


@retried_atomic
def rotate_secret(*, connection_id: int, secret: str = "", at_once: bool = False) -> str:
    """Gives the connection the secret that its PMS has made, else a new one, and returns it.

    The previous one stays valid for `PREVIOUS_SECRET_VALID_FOR`, or until the next rotation; `at_once` ends it now.
    Raises `InvalidSecret`.
    """
    secret = _checked_or_new(secret)
    connection = PMSConnection.objects.select_for_update(no_key=True).get(pk=connection_id)
    connection.previous_secret = None if at_once else connection.secret
    connection.previous_secret_until = None if at_once else timezone.now() + PREVIOUS_SECRET_VALID_FOR
    connection.secret = secret
    connection.save(update_fields=["secret", "previous_secret", "previous_secret_until"])
    record_change("secret_rotated", connection, at_once=at_once)
    return secret


@retried_atomic
def map_location(*, connection: PMSConnection, location: Location, external_id: str, owns_stock: bool) -> PMSLocation:
    """Sets the id of a location in the PMS, and whether the PMS owns the stock there.

    A location that is mapped anew, and whose stock the PMS owns, keeps its quantities. Raises `StockOwned`,
    `ExternalIdTaken`, `OwnerInUse`.
    """
    held = connection.locations.select_for_update(no_key=True).filter(location=location).first()
    before = None if held is None else (held.external_id, held.owns_stock)
    if held is not None:
        refuse_another_owner(held, owns_stock=owns_stock)
    try:
        mapped, _ = PMSLocation.objects.update_or_create(
            connection=connection,
            location=location,
            defaults={"external_id": external_id, "owns_stock": owns_stock},
        )
    except IntegrityError as error:
        refusal = mapping_refusal(error, slug=connection.slug, code=location.code, external_id=external_id)
        raise refusal or error from None
    if held is None and owns_stock:
        forget_figures(mapped)
    now = (external_id, owns_stock)
    if changes := mapping_changes(location.code, before, now):
        record_change("location_mapped", connection, changes)
    return mapped


def mapping_changes(code: str, before: tuple[str, bool] | None, after: tuple[str, bool] | None) -> list[FieldChange]:
    """The changes of a location's external id and of whether the PMS owns its stock; None where it is not mapped."""
    names = (f"locations[{code}].external_id", f"locations[{code}].owns_stock")
    none = (None, None)
    return changes_between(dict(zip(names, before or none, strict=True)), dict(zip(names, after or none, strict=True)))


def mapping_refusal(
    error: IntegrityError, *, slug: str, code: str, external_id: str, pointer: str = ""
) -> StockOwned | ExternalIdTaken | None:
    """The rule that a mapping breaks, for the mapping at `pointer`; None for another error."""
    if constraint(error) == "pms_location_one_owner":
        detail = _("Another connection owns the stock of %(code)s.") % {"code": code}
        return StockOwned(detail, errors=[FieldError(f"{pointer}/owns_stock", StockOwned.code, detail)])
    if constraint(error) == "pms_location_external_id_unique":
        return external_id_taken(slug=slug, external_id=external_id, pointer=pointer)
    return None


def external_id_taken(*, slug: str, external_id: str, pointer: str) -> ExternalIdTaken:
    """The refusal of an id that the connection uses for another location."""
    detail = _("%(slug)s calls another location %(external_id)s.") % {"slug": slug, "external_id": external_id}
    return ExternalIdTaken(detail, errors=[FieldError(f"{pointer}/external_id", ExternalIdTaken.code, detail)])


def _checked_or_new(secret: str) -> str:
    secret = secret.strip()
    if secret and not MIN_SECRET_LENGTH <= len(secret) <= MAX_SECRET_LENGTH:
        detail = _("A secret has %(min)s to %(max)s characters.") % {"min": MIN_SECRET_LENGTH, "max": MAX_SECRET_LENGTH}
        raise InvalidSecret(detail, errors=[FieldError("/secret", InvalidSecret.code, detail)])
    return secret or new_secret()


def new_secret() -> str:
    """A secret in the form of Standard Webhooks."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
