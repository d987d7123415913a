"""Making and ending API clients."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from pms_backend.access.exceptions import ApiClientNotFound, UnknownScope
from pms_backend.access.models import DEFAULT_TIER, ApiClient
from pms_backend.access.scopes import ALL_SCOPES


@transaction.atomic
def create_api_client(
    *, name: str, scopes: Sequence[str], tier: str = DEFAULT_TIER, expires_at: datetime | None = None
) -> tuple[ApiClient, str]:
    """Makes a client; returns it with its key, which is nowhere to be had again.

    Raises `UnknownScope`.
    """
    unknown = sorted(set(scopes) - set(ALL_SCOPES))
    if unknown:
        raise UnknownScope(f"No such scope: {', '.join(unknown)}. There are {', '.join(ALL_SCOPES)}.")
    client = ApiClient(name=name, scopes=sorted(set(scopes)), tier=tier, expiry_date=expires_at)
    key = ApiClient.objects.assign_key(client)
    client.full_clean()
    client.save(force_insert=True)
    return client, key


@transaction.atomic
def revoke_api_client(*, client_id: str) -> None:
    """Ends a client for good; once more changes nothing. Raises `ApiClientNotFound`."""
    if not ApiClient.objects.filter(prefix=client_id).update(revoked=True):
        raise ApiClientNotFound(f"There is no API client {client_id}.")
