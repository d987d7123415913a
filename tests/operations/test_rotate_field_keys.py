"""`manage.py rotate_field_keys`: afterwards the old key may be removed, and nothing was overwritten."""

import io

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connection

from pms_backend.operations import services
from pms_integration import services as pms_integration
from pms_integration.models import PMSConnection
from tests.factories import make_connection

OLD, NEW, LOST = (Fernet.generate_key().decode() for _ in range(3))

pytestmark = pytest.mark.django_db


def stored() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM pms_integration_pmsconnection ORDER BY id")
        return [secret for (secret,) in cursor.fetchall()]


def column(name: str = "secret") -> services.Rotation:
    label = f"pms_integration.PMSConnection.{name}"
    return next(done for done in services.rotate_field_keys(batch_size=2) if done.column == label)


@pytest.fixture
def secrets(settings) -> list[str]:
    """Five secrets under the old key; from here on a new one is in front of it."""
    settings.FIELD_ENCRYPTION_KEYS = [OLD]
    secrets = [make_connection(f"pms-{number}").secret for number in range(5)]
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]
    return secrets


def test_after_it_the_old_key_may_be_dropped(secrets, settings):
    out = io.StringIO()

    call_command("rotate_field_keys", stdout=out)

    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    assert [row.secret for row in PMSConnection.objects.order_by("id")] == secrets
    assert "pms_integration.PMSConnection.secret: 5 rotated, 0 had the first key already" in out.getvalue()


def test_without_it_the_old_key_is_needed(secrets, settings):
    settings.FIELD_ENCRYPTION_KEYS = [NEW]

    with pytest.raises(ImproperlyConfigured):
        PMSConnection.objects.first()


def test_once_more_changes_nothing(secrets):
    services.rotate_field_keys()
    before = stored()

    assert column() == services.Rotation("pms_integration.PMSConnection.secret", current=5)
    assert stored() == before


def test_it_goes_on_where_it_was_ended(secrets, monkeypatch):
    decrypt, calls = services.decrypt, []

    def end_after_three(value: str) -> str:
        calls.append(value)
        if len(calls) > 3:
            raise KeyboardInterrupt
        return decrypt(value)

    with monkeypatch.context() as patch:
        patch.setattr(services, "decrypt", end_after_three)
        with pytest.raises(KeyboardInterrupt):
            services.rotate_field_keys(batch_size=2)

    done = column()
    assert (done.rotated, done.current) == (2, 3)


def test_an_empty_value_stays_empty(secrets):
    assert column("previous_secret") == services.Rotation("pms_integration.PMSConnection.previous_secret")


def test_what_somebody_writes_meanwhile_is_not_overwritten(secrets, monkeypatch):
    first = PMSConnection.objects.earliest("id")
    decrypt, written = services.decrypt, []

    def write_meanwhile(value: str) -> str:
        if not written:
            written.append(pms_integration.rotate_secret(connection_id=first.pk))
        return decrypt(value)

    monkeypatch.setattr(services, "decrypt", write_meanwhile)
    done = column()

    first.refresh_from_db()
    assert (done.rotated, done.changed_meanwhile) == (4, 1)
    assert first.secret == written[0]


def test_what_no_key_fits_is_left_alone_and_said(secrets, settings):
    settings.FIELD_ENCRYPTION_KEYS = [LOST]
    make_connection("lost")
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]
    before, err = stored()[-1], io.StringIO()

    with pytest.raises(SystemExit) as ended:
        call_command("rotate_field_keys", stdout=io.StringIO(), stderr=err)

    assert ended.value.code == 1
    assert "keep every key" in err.getvalue()
    assert stored()[-1] == before
