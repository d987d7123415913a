"""The rows that a search finds beside items and products."""

import re
from typing import Final

from django.contrib.auth.models import User
from django.db.models import Case, CharField, Q, Value, When
from django.db.models.functions import Concat
from django.utils.translation import gettext_lazy as _

from inventory.models import (
    Location,
    Reservation,
    ReservationStatus,
    Stocktake,
    StocktakeStatus,
    Transfer,
    TransferStatus,
)
from inventory.references import has_reference, reference_begins
from pms_backend.access.models import ApiClient
from pms_backend.operations.search.rows import Source
from pms_integration.models import PMSConnection, PMSProduct, PMSVariant
from products.models import Category
from webhooks.models import WebhookEndpoint

_NUMBER: Final = re.compile(r"#?([0-9]{1,18})")
_OFF: Final = "off"


def _off(**is_off: object) -> Case:
    return Case(When(**is_off, then=Value(_OFF)), default=Value(""), output_field=CharField())


def _has_number(text: str) -> Q:
    found = _NUMBER.fullmatch(text)
    return Q(pk=int(found[1])) if found else Q(pk__in=[])


def _contains(text: str, *names: str) -> Q:
    found = Q()
    for name in names:
        found |= Q((f"{name}__icontains", text))
    return found


# In the order of their groups. What grows without limit is found by an index alone.
SOURCES: Final = (
    Source(
        model=Reservation,
        icon="bookmark",
        searched=_("the reference, such as an order's, or its beginning"),
        exact=has_reference,
        like=reference_begins,
        rows=lambda: Reservation.objects.as_of_now().prefetch_related(None),
        name="reference",
        state=Case(When(is_overdue=True, then=Value(ReservationStatus.EXPIRED)), default="status"),
        states=dict(ReservationStatus.choices),
        about="client",
        at="expires_at",
        at_text=_("until {}"),
    ),
    Source(
        model=Transfer,
        icon="local_shipping",
        searched=_("the number; the reference or its beginning"),
        exact=lambda text: has_reference(text) | _has_number(text),
        like=reference_begins,
        number=_("Transfer %(number)s"),
        name="reference",
        state="status",
        states=dict(TransferStatus.choices),
        about=Concat("source__name", Value(" → "), "target__name"),
        at="created_at",
        at_text=_("made {}"),
    ),
    Source(
        model=Stocktake,
        icon="checklist",
        searched=_("the number; a part of the note"),
        exact=_has_number,
        like=lambda text: _contains(text, "note"),
        number=_("Count sheet %(number)s"),
        name="note",
        state="status",
        states=dict(StocktakeStatus.choices),
        about="location__name",
        at="created_at",
        at_text=_("made {}"),
    ),
    Source(
        model=Location,
        icon="warehouse",
        searched=_("a part of the code or the name"),
        exact=lambda text: Q(code__iexact=text),
        like=lambda text: _contains(text, "code", "name"),
        name="name",
        state=_off(is_active=False),
        states={_OFF: _("Inactive")},
        about="code",
    ),
    Source(
        model=PMSProduct,
        icon="sync_alt",
        searched=_("the PMS's id of it"),
        # Of each connection, by the index that begins with it.
        exact=lambda text: Q(connection__in=PMSConnection.objects.order_by(), external_id=text),
        name="external_id",
        state=_off(is_deleted=True),
        states={_OFF: _("Deleted")},
        about="product__name",
        more="connection__name",
    ),
    Source(
        model=PMSVariant,
        icon="tag",
        searched=_("the PMS's id of it"),
        exact=lambda text: Q(connection__in=PMSConnection.objects.order_by(), external_id=text),
        name="external_id",
        about="variant__sku",
        more="connection__name",
    ),
    Source(
        model=Category,
        icon="account_tree",
        searched=_("a part of the name or the slug"),
        like=lambda text: _contains(text, "name", "slug"),
        name="name",
        about="slug",
    ),
    Source(
        model=PMSConnection,
        icon="cable",
        searched=_("a part of the name or the slug"),
        like=lambda text: _contains(text, "name", "slug"),
        name="name",
        state=_off(is_active=False),
        states={_OFF: _("Inactive")},
        about="slug",
    ),
    Source(
        model=WebhookEndpoint,
        icon="webhook",
        searched=_("a part of the URL or the description"),
        like=lambda text: _contains(text, "url", "description"),
        name="url",
        state=_off(is_active=False),
        states={_OFF: _("Disabled")},
        about="description",
    ),
    Source(
        model=ApiClient,
        icon="vpn_key",
        searched=_("a part of the name; the id"),
        like=lambda text: _contains(text, "name") | Q(public_id=text),
        name="name",
        state=_off(revoked_at__isnull=False),
        states={_OFF: _("Revoked")},
        about="public_id",
    ),
    Source(
        model=User,
        icon="person",
        searched=_("a part of the name"),
        like=lambda text: _contains(text, "username", "first_name", "last_name"),
        name="username",
        state=_off(is_active=False),
        states={_OFF: _("Inactive")},
        about="first_name",
        more="last_name",
    ),
)
