"""Services of API clients: create, update, rotate keys, revoke."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.crypto import get_random_string
from django.utils.translation import gettext as _

from pms_backend.access import key_cache
from pms_backend.access.caller import Caller
from pms_backend.access.exceptions import ApiClientNotFound, ApiClientRevoked, UnknownScope, UnknownTier
from pms_backend.access.grants import require_may_give
from pms_backend.access.models import (
    DEFAULT_TIER,
    MAX_REQUEST_LENGTH,
    PUBLIC_ID_LENGTH,
    ApiClient,
    ApiKey,
    SigningKey,
)
from pms_backend.access.rates import known_tiers
from pms_backend.access.scopes import ALL_SCOPES
from pms_backend.access.services.history import FieldChange, changes_between, record_audit, values_of
from pms_backend.api.storable_text import storable

SECRET_BYTES: Final = 32
DEFAULT_OVERLAP: Final = timedelta(days=1)
MAX_OVERLAP: Final = timedelta(days=7)
# A use is noted at most this often.
USE_NOTED_EVERY: Final = timedelta(minutes=1)
_EDITED: Final = ("name", "scopes", "tier", "expires_at")


@dataclass(frozen=True, slots=True)
class Credentials:
    """A client's new secrets, which are not stored in readable form."""

    client: ApiClient
    api_key: str
    signing_key_id: str | None = None
    signing_key: str | None = None


@transaction.atomic
def create_api_client(
    *,
    name: str,
    scopes: Sequence[str],
    tier: str = DEFAULT_TIER,
    expires_at: datetime | None = None,
    signing: bool = False,
    by: Caller | None = None,
) -> Credentials:
    """Creates a client; one that is `signing` must sign its writes. Without `by` the caller is the shell.

    Raises `UnknownScope`, `UnknownTier`, `ValidationError`, and `Forbidden` where it would have more than `by`.
    """
    client = ApiClient(
        public_id=get_random_string(PUBLIC_ID_LENGTH),
        name=name,
        scopes=_checked_scopes(scopes),
        tier=_checked_tier(tier),
        expires_at=expires_at,
    )
    require_may_give(by, scopes=client.scopes, tier=client.tier)
    client.full_clean()
    client.save(force_insert=True)
    _audit(client, "created", scopes=client.scopes, tier=client.tier, signing=signing)
    return _new_credentials(client, signing=signing)


@transaction.atomic
def update_api_client(*, client_id: str, values: Mapping[str, Any], by: Caller | None = None) -> ApiClient:
    """Changes a client's `name`, `scopes`, `tier` or `expires_at`, at once. Without `by` the caller is the shell.

    Raises `ApiClientNotFound`, `ApiClientRevoked`, `UnknownScope`, `UnknownTier`, `ValidationError`, and `Forbidden`
    where it would have more than `by` afterwards.
    """
    client = _locked_active(client_id)
    before = values_of(client, _EDITED)
    checks = {"scopes": _checked_scopes, "tier": _checked_tier}
    for field, value in values.items():
        setattr(client, field, checks[field](value) if field in checks else value)
    require_may_give(by, scopes=client.scopes, tier=client.tier)
    client.full_clean()
    client.save(update_fields=_EDITED)
    if changes := changes_between(before, values_of(client, _EDITED)):
        _audit(client, "updated", changes)
    key_cache.invalidate_after_commit()
    return client


@transaction.atomic
def rotate_keys(*, client_id: str, overlap: timedelta = DEFAULT_OVERLAP, by: Caller | None = None) -> Credentials:
    """Gives a client new secrets; the previous ones stay valid for `overlap`, all earlier ones expire now.

    Raises `ApiClientNotFound`, `ApiClientRevoked`, and `Forbidden` where the client has more rights than `by`. Without
    `by` the caller is the shell.
    """
    client = _locked_active(client_id)
    require_may_give(by, scopes=client.scopes, tier=client.tier)
    signing = client.signing_keys.exists()
    for keys in (client.keys.order_by("-created"), client.signing_keys.order_by("-created")):
        newest_first: list[Any] = list(keys.values_list("pk", flat=True))
        _expire(keys.filter(pk__in=newest_first[:1]), at=Now() + overlap)
        _expire(keys.filter(pk__in=newest_first[1:]), at=Now())
    _audit(client, "rotated", overlap_seconds=int(overlap.total_seconds()))
    key_cache.invalidate_after_commit()
    return _new_credentials(client, signing=signing)


@transaction.atomic
def revoke_api_client(*, client_id: str) -> ApiClient:
    """Revokes a client permanently; a repetition changes nothing. Raises `ApiClientNotFound`."""
    client = _locked(client_id)
    if client.revoked_at is None:
        client.revoked_at = timezone.now()
        client.save(update_fields=["revoked_at"])
        client.keys.update(revoked=True)
        _audit(client, "revoked")
    key_cache.invalidate_after_commit()
    return client


def note_use(*, client: ApiClient, request: str = "", address: str = "") -> None:
    """Notes a request (its method and path) and where it came from, at most once a minute."""
    if client.last_used_at is not None and timezone.now() - client.last_used_at < USE_NOTED_EVERY:
        return
    due = Q(last_used_at=None) | Q(last_used_at__lt=Now() - USE_NOTED_EVERY)
    ApiClient.objects.filter(due, pk=client.pk).update(
        last_used_at=Now(), last_request=storable(request)[:MAX_REQUEST_LENGTH], last_address=address
    )


def _expire(keys: QuerySet[Any], *, at: Any) -> None:
    keys.exclude(expiry_date__lt=at).update(expiry_date=at)


def _new_credentials(client: ApiClient, *, signing: bool) -> Credentials:
    key = ApiKey(client=client)
    api_key = ApiKey.objects.assign_key(key)
    key.save(force_insert=True)
    if not signing:
        return Credentials(client, api_key)
    secret = secrets.token_urlsafe(SECRET_BYTES)
    key_id = f"sig_{get_random_string(16)}"
    signing_key = SigningKey.objects.create(client=client, key_id=key_id, secret=secret)
    return Credentials(client, api_key, signing_key.key_id, secret)


def _audit(client: ApiClient, what: str, changes: Sequence[FieldChange] = (), **detail: Any) -> None:
    subject = f"api_client:{client.public_id}"
    record_audit(action=f"api_client.{what}", subject=subject, name=client.name, changes=changes, **detail)


def _locked(client_id: str) -> ApiClient:
    client = ApiClient.objects.select_for_update(no_key=True).filter(public_id=client_id).first()
    if client is None:
        raise ApiClientNotFound(_("There is no API client %(id)s.") % {"id": client_id})
    return client


def _locked_active(client_id: str) -> ApiClient:
    client = _locked(client_id)
    if client.revoked_at is not None:
        raise ApiClientRevoked(_("The API client %(id)s is revoked, for good.") % {"id": client_id})
    return client


def _checked_scopes(scopes: Sequence[str]) -> list[str]:
    if unknown := sorted(set(scopes) - set(ALL_SCOPES)):
        text = _("No such scope: %(unknown)s. There are %(known)s.")
        raise UnknownScope(text % {"unknown": ", ".join(unknown), "known": ", ".join(ALL_SCOPES)})
    return sorted(set(scopes))


def _checked_tier(tier: str) -> str:
    if tier not in known_tiers():
        text = _("No such tier: %(unknown)s. There are %(known)s.")
        raise UnknownTier(text % {"unknown": tier, "known": ", ".join(known_tiers())})
    return tier
