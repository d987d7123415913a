"""Who may call: made anew by every run, because what is stored of them is a hash."""

import secrets
from typing import Any, Final

from pms_backend.access import services as access
from pms_backend.access.models import INTERNAL_TIER, ApiClient
from pms_backend.access.scopes import ALL_SCOPES
from pms_backend.api.transactions import retried_atomic
from pms_backend.operations import services
from pms_integration.models import PMSConnection

API_CLIENT: Final = "quickstart"
PASSWORD_BYTES: Final = 15


@retried_atomic
def renew_credentials(*, username: str, connection: PMSConnection) -> dict[str, Any]:
    """A superuser's new password, a new key for everything, and the PMS's secret; earlier keys end with it."""
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    services.set_superuser_password(username=username, password=password)
    for earlier in ApiClient.objects.filter(name=API_CLIENT, revoked_at=None):
        access.revoke_api_client(client_id=earlier.public_id)
    key = access.create_api_client(name=API_CLIENT, scopes=ALL_SCOPES, tier=INTERNAL_TIER).api_key
    return {
        "admin": {"username": username, "password": password},
        "api_key": key,
        "pms": {"connection": connection.slug, "webhook_secret": connection.secret},
    }
