"""A connection whose kind has no connector: refused when it is new, harmless when its connector was removed."""

from collections.abc import Iterator
from contextlib import contextmanager

import orjson
import pytest
from django.urls import reverse

from pms_backend.access.models import AuditEntry
from pms_integration import services
from pms_integration.connectors import CONNECTORS
from pms_integration.exceptions import UnknownKind
from pms_integration.models import PMSConnection, PMSEvent, PMSEventStatus
from pms_integration.services import retrying
from pms_integration.services.retries import RETRY_DELAYS
from products.models import Product
from tests.factories import make_connection, store_webhook
from tests.pms_integration.reports import product, receive
from tests.staff import superuser
from tests.webhooks.test_inbound import assert_refused, post

pytestmark = pytest.mark.django_db

REASON = "connector_missing: This version has no connector for the kind magento."


@contextmanager
def another_version() -> Iterator[None]:
    """A version that has a connector for Magento."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(CONNECTORS, "magento", CONNECTORS["standard"])
        yield


@pytest.fixture
def orphan() -> PMSConnection:
    with another_version():
        return services.create_connection(slug="old", name="Old", kind="magento")


def test_the_service_refuses_a_connection_of_an_unknown_kind() -> None:
    with pytest.raises(UnknownKind) as refused:
        services.create_connection(slug="shop", name="Shop", kind="magento")

    assert refused.value.detail == "magento is not one of standard."
    assert [error.pointer for error in refused.value.errors] == ["/kind"]
    assert not PMSConnection.objects.exists()
    assert not AuditEntry.objects.exists()


def test_the_form_refuses_a_connection_of_an_unknown_kind() -> None:
    sent = {"name": "Shop", "slug": "shop", "kind": "magento"}

    response = superuser().post(reverse("admin:pms_integration_pmsconnection_add"), sent)

    assert list(response.context["adminform"].form.errors) == ["kind"]
    assert not PMSConnection.objects.exists()


def test_the_endpoint_says_that_the_connector_is_missing(orphan: PMSConnection) -> None:
    response = post(b"{}", orphan.secret, slug="old")

    assert_refused(response, 503, "connector_missing")
    assert response.json()["detail"] == "This version has no connector for the kind magento."
    assert response["retry-after"]


def test_the_events_of_the_connection_fail_however_often_and_others_are_applied(orphan: PMSConnection) -> None:
    receive(orphan, "product.created", product("1", 1, sku="A-1"), webhook_id="old")
    receive(make_connection("other"), "product.created", product("1", 1, sku="B-1"), webhook_id="new")

    for _ in range(len(RETRY_DELAYS) + 2):
        services.apply_due_events()
        retrying.retry_own_failures()

    assert dict(PMSEvent.objects.values_list("webhook_id", "status")) == {"old": "failed", "new": "processed"}
    failed = PMSEvent.objects.get(webhook_id="old")
    assert (failed.reason, failed.failures, failed.failed_by_us) == (REASON, len(RETRY_DELAYS), True)
    assert failed.due_at is not None


def test_the_events_are_applied_once_the_connector_is_back(orphan: PMSConnection) -> None:
    receive(orphan, "product.created", product("1", 1, sku="A-1"), webhook_id="old")
    services.apply_due_events()

    with another_version():
        retrying.retry_own_failures()
        services.apply_due_events()

    assert PMSEvent.objects.get().status == PMSEventStatus.PROCESSED
    assert Product.objects.count() == 1


def test_the_pages_of_the_admin_show_the_connection(orphan: PMSConnection) -> None:
    body = orjson.dumps({"type": "product.created"})
    store_webhook(connection=orphan, webhook_id="m-1", type="product.created", body=body)
    services.apply_due_events()
    event, client = PMSEvent.objects.get(), superuser()
    pages = [
        reverse("admin:pms_integration_pmsconnection_changelist"),
        reverse("admin:pms_integration_pmsconnection_change", args=[orphan.pk]),
        reverse("admin:pms_integration_pmsconnection_rotate", args=[orphan.pk]),
        reverse("admin:pms_integration_pmsevent_changelist"),
        reverse("admin:pms_integration_pmsevent_change", args=[event.pk]),
    ]

    responses = [client.get(page) for page in pages]

    assert [response.status_code for response in responses] == [200] * len(pages)
    assert "magento" in responses[1].content.decode()
    assert "magento" in responses[1].content.decode()
    # In words, without the code.
    assert REASON.partition(": ")[2] in responses[4].content.decode()
