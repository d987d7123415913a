"""Where a PMS is called and with which credentials: checked when it is given, and never read back."""

from typing import Any

import pytest
from django.db import connection as database
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from pms_backend.access.models import AuditEntry
from pms_backend.api.outbound_urls import OutboundForbidden
from pms_backend.outbound.circuit import Circuit
from pms_integration import services
from pms_integration.exceptions import InvalidBaseURL, InvalidCredentials
from pms_integration.models import MAX_BASE_URL_LENGTH, PMSConnection
from pms_integration.services.outgoing import MAX_CREDENTIAL_LENGTH, BaseURL
from tests.factories import make_connection
from tests.outbound.servers import Names
from tests.pms_integration.connectors.woocommerce import WooCommerceConnector
from tests.staff import staff_with, superuser

pytestmark = pytest.mark.django_db

URL = BaseURL("https://pms.example/api")
TOKEN = "secret-token-0123456789"


@pytest.fixture(autouse=True)
def _names(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names(monkeypatch)
    names.set("pms.example", ["93.184.216.34"])
    names.set("other.example", ["93.184.216.35"])
    names.set("inside.example", ["10.0.0.1"])


@pytest.fixture
def pms() -> PMSConnection:
    return make_connection()


def set_up(pms: PMSConnection, url: str | None = URL, **credentials: str) -> PMSConnection:
    checked = None if url is None else services.check_base_url(url)
    services.set_outgoing(connection_id=pms.pk, base_url=checked, credentials=credentials)
    pms.refresh_from_db()
    return pms


def audited() -> list[tuple[str, Any, Any]]:
    entries = AuditEntry.objects.filter(action="pms_connection.outgoing_set").order_by("id")
    return [(change["field"], change["from"], change["to"]) for entry in entries for change in entry.changes]


def test_a_new_connection_is_not_called(pms: PMSConnection):
    assert (pms.base_url, pms.credential_values, pms.circuit_state) == (None, {}, Circuit())


def test_url_and_credentials_are_stored_and_audited_without_values(pms: PMSConnection):
    set_up(pms, " https://pms.example/api/ ", token=TOKEN)

    assert (pms.base_url, pms.credential_values) == (URL, {"token": TOKEN})
    assert audited() == [("base_url", None, URL), ("credentials.token", None, "set")]


def test_credentials_are_encrypted(pms: PMSConnection):
    set_up(pms, token=TOKEN)

    with database.cursor() as cursor:
        cursor.execute("SELECT credentials FROM pms_integration_pmsconnection")
        [(stored,)] = cursor.fetchall()
    assert stored.startswith("gAAAA")
    assert TOKEN not in stored


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/", "http://inside.example/", "ftp://pms.example/", "https://user:pw@pms.example/", "pms", ""],
)
def test_the_guard_checks_the_url(url: str):
    with pytest.raises(OutboundForbidden) as caught:
        services.check_base_url(url)

    assert [(error.pointer, error.code) for error in caught.value.errors] == [("/base_url", "outbound_forbidden")]


@pytest.mark.parametrize("url", [f"{URL}?a=b", f"{URL}#a", f"{URL}/{'x' * MAX_BASE_URL_LENGTH}"])
def test_a_url_below_which_there_can_be_no_paths_is_refused(url: str):
    with pytest.raises(InvalidBaseURL) as caught:
        services.check_base_url(url)

    assert [error.pointer for error in caught.value.errors] == ["/base_url"]


def test_the_longest_url_is_stored(pms: PMSConnection):
    url = f"{URL}/".ljust(MAX_BASE_URL_LENGTH, "x")

    assert set_up(pms, url).base_url == url


def test_the_url_is_not_checked_in_a_transaction():
    with transaction.atomic(), pytest.raises(transaction.TransactionManagementError):
        services.check_base_url(URL)


@pytest.mark.parametrize(
    "credentials",
    [{"tokens": TOKEN}, {"token": ""}, {"token": " a"}, {"token": "a\nb"}, {"token": "ä"}, {"token": "x" * 4_097}],
)
def test_unusable_credentials_change_nothing(pms: PMSConnection, credentials: dict[str, str]):
    with pytest.raises(InvalidCredentials) as caught:
        services.set_outgoing(connection_id=pms.pk, base_url=URL, credentials=credentials)

    assert [error.pointer for error in caught.value.errors] == [f"/credentials/{next(iter(credentials))}"]
    pms.refresh_from_db()
    assert (pms.base_url, pms.credentials, audited()) == (None, None, [])
    assert MAX_CREDENTIAL_LENGTH == 4_096


def test_credentials_stay_with_another_path_of_the_same_origin(pms: PMSConnection):
    set_up(pms, token=TOKEN)

    set_up(pms, "https://PMS.example:443/v2")

    assert pms.credential_values == {"token": TOKEN}


@pytest.mark.parametrize("url", ["https://other.example/api", "http://pms.example/api", "https://pms.example:8443/api"])
def test_credentials_are_not_sent_to_another_origin(pms: PMSConnection, url: str):
    set_up(pms, token=TOKEN)

    set_up(pms, url)

    assert (pms.base_url, pms.credentials) == (url, None)


def test_without_a_url_there_are_no_credentials(pms: PMSConnection):
    set_up(pms, token=TOKEN)

    set_up(pms, None)

    assert (pms.base_url, pms.credentials) == (None, None)


def test_another_url_closes_the_circuit_and_the_same_one_does_not(pms: PMSConnection):
    set_up(pms, token=TOKEN)
    opened = {"circuit": "open", "failures": 7, "next_try_at": timezone.now(), "last_error": "It does not answer."}
    PMSConnection.objects.update(**opened)

    set_up(pms, token="another-token")
    assert (pms.circuit, pms.failures, pms.last_error) == ("open", 7, "It does not answer.")

    set_up(pms, f"{URL}/v2")
    assert (pms.circuit_state, pms.last_error) == (Circuit(), "")


def test_a_kind_that_only_sends_webhooks_has_no_url(pms: PMSConnection, monkeypatch):
    monkeypatch.setitem(services.connections.CONNECTORS, "woocommerce", WooCommerceConnector())
    PMSConnection.objects.update(kind="woocommerce")

    with pytest.raises(InvalidBaseURL, match="only sends webhooks"):
        set_up(pms)

    set_up(pms, None)
    assert pms.base_url is None


def page(pms: PMSConnection, action: str = "outgoing") -> str:
    return reverse(f"admin:pms_integration_pmsconnection_{action}", args=[pms.pk])


def test_the_admin_sets_both_and_shows_no_credential(pms: PMSConnection):
    client = superuser()

    sent = client.post(page(pms), {"base_url": URL, "credentials/token": TOKEN}, follow=True)
    again = client.get(page(pms))

    pms.refresh_from_db()
    assert (pms.base_url, pms.credential_values) == (URL, {"token": TOKEN})
    assert sent.redirect_chain == [(page(pms, "change"), 302)]
    for shown in (sent, again):
        assert URL in shown.content.decode()
        assert TOKEN not in shown.content.decode()
    assert "token: set" in sent.content.decode()


def test_an_empty_credential_stays_as_it_is(pms: PMSConnection):
    set_up(pms, token=TOKEN)

    superuser().post(page(pms), {"base_url": f"{URL}/v2", "credentials/token": ""})

    pms.refresh_from_db()
    assert (pms.base_url, pms.credential_values) == (f"{URL}/v2", {"token": TOKEN})


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"base_url": "http://127.0.0.1/"}, "base_url"),
        ({"base_url": f"{URL}?a=b"}, "base_url"),
        ({"base_url": URL, "credentials/token": "ä"}, "credentials/token"),
    ],
)
def test_the_admin_shows_a_refusal_at_its_field(pms: PMSConnection, sent: dict[str, str], field: str):
    response = superuser().post(page(pms), sent)

    assert response.status_code == 200
    assert list(response.context["form"].errors) == [field]
    assert "ä" not in response.content.decode()
    pms.refresh_from_db()
    assert pms.base_url is None


def test_who_may_only_look_sees_the_state_and_no_button(pms: PMSConnection):
    set_up(pms, token=TOKEN)
    client = staff_with("pms_integration.view_pmsconnection")

    assert client.get(page(pms)).status_code == 403
    assert page(pms) not in client.get(page(pms, "change")).content.decode()


@pytest.mark.parametrize(
    ("state", "label", "words"),
    [
        ({"base_url": None}, "Not called", "The PMS is not called: it only sends webhooks."),
        ({"is_active": False}, "Not called", "The PMS is not called: the connection is switched off."),
        ({"last_error": ""}, "Reachable", "The PMS is called."),
        ({}, "Last call failed", "The PMS is called. It has refused the last call."),
        ({"failures": 1}, "Last call failed", "The PMS is called. The last call has failed."),
        ({"failures": 3}, "Last call failed", "The PMS is called. 3 calls in a row have failed."),
        (
            {"next_try_at": "2999-01-01T12:00:30Z", "last_error": ""},
            "Reachable",
            "The PMS is called. It has asked us to wait until 12:00:30 UTC.",
        ),
        (
            {"circuit": "open", "failures": 5, "next_try_at": "2999-01-01T12:00:30Z"},
            "Unreachable",
            "5 calls in a row have failed. It is not called until 12:00:30 UTC, and then once, as a trial.",
        ),
        (
            {"circuit": "open", "failures": 0, "next_try_at": "2999-01-01T12:00:30Z"},
            "Unreachable",
            "The PMS has asked us to wait. It is not called until 12:00:30 UTC, and then once, as a trial.",
        ),
        (
            {"circuit": "half_open", "failures": 6, "next_try_at": "2999-01-01T12:00:30Z"},
            "One trial",
            "6 calls in a row have failed. One call is being tried.",
        ),
    ],
)
def test_the_admin_shows_the_state_in_words(pms: PMSConnection, state: dict[str, Any], label: str, words: str):
    values = {"base_url": URL, "last_error": "It <b>broke</b>.", **state}
    PMSConnection.objects.update(**values)
    client: Client = superuser()

    shown = client.get(page(pms, "change")).content.decode()
    listed = client.get(reverse("admin:pms_integration_pmsconnection_changelist")).content.decode()

    for text in (shown, listed):
        assert words in text
        assert label in text
        assert ("The last error: It &lt;b&gt;broke&lt;/b&gt;." in text) == (label not in ("Not called", "Reachable"))
