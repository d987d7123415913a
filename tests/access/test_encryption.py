"""Secrets at rest are encrypted, by the first key, and read with any."""

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from pms_backend.access.encryption import check_keys
from pms_integration import services
from pms_integration.models import PMSConnection
from tests.factories import make_connection

OLD, NEW, OTHER = (Fernet.generate_key().decode() for _ in range(3))


def stored() -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret, previous_secret FROM pms_integration_pmsconnection")
        return dict(zip(("secret", "previous_secret"), cursor.fetchone(), strict=True))


@pytest.mark.django_db
def test_what_is_stored_is_not_the_secret(settings):
    settings.FIELD_ENCRYPTION_KEYS = [OLD]
    secret = make_connection().secret

    assert secret.startswith("whsec_")
    assert secret not in stored()["secret"]
    assert Fernet(OLD).decrypt(stored()["secret"]).decode() == secret
    assert stored()["previous_secret"] is None
    assert PMSConnection.objects.get().secret == secret


@pytest.mark.django_db
def test_a_new_key_in_front_encrypts_and_the_old_one_still_reads(settings):
    settings.FIELD_ENCRYPTION_KEYS = [OLD]
    pms = make_connection()
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]

    new_secret = services.rotate_secret(connection_id=pms.pk)

    connection = PMSConnection.objects.get()
    assert (connection.secret, connection.previous_secret) == (new_secret, pms.secret)
    assert Fernet(NEW).decrypt(stored()["secret"]).decode() == new_secret
    assert Fernet(NEW).decrypt(stored()["previous_secret"]).decode() == pms.secret


@pytest.mark.django_db
def test_without_the_key_the_setting_is_named(settings):
    settings.FIELD_ENCRYPTION_KEYS = [OLD]
    make_connection()
    settings.FIELD_ENCRYPTION_KEYS = [OTHER]

    with pytest.raises(ImproperlyConfigured, match="FIELD_ENCRYPTION_KEYS holds none of the keys"):
        PMSConnection.objects.get()


@pytest.mark.parametrize("keys", [[], ["short"], [OLD, "not base64!"], ["ä" * 44]])
def test_keys_that_cannot_be_used_are_named(settings, keys: list[str]):
    settings.FIELD_ENCRYPTION_KEYS = keys

    with pytest.raises(ImproperlyConfigured, match=r"^FIELD_ENCRYPTION_KEYS must be a comma-separated list"):
        check_keys()
