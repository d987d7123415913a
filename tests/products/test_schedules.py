"""`publish_at` and `unpublish_at`: scheduled publishing."""

import logging
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from pms_backend.events.models import Event
from products import services
from products.models import Product, Variant
from products.services import schedules
from products.tasks import publish_due
from tests.conftest import JSONClient
from tests.factories import make_product
from tests.products.recorded import recorded
from tests.staff import form_of, superuser

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def url(product: Product, action: str) -> str:
    return f"/api/v1/products/{product.pk}/{action}/"


def iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def hence(hours: float) -> datetime:
    return timezone.now() + timedelta(hours=hours)


def let_pass(product: Product, **moments: datetime) -> None:
    """Moves the moments of the schedule into the past."""
    Product.objects.filter(pk=product.pk).update(**moments)


def test_a_product_is_scheduled_and_stays_a_draft(editor: JSONClient):
    lamp, begin, end = make_product(), hence(1), hence(2)

    body = editor.post(url(lamp, "publish"), {"publish_at": iso(begin), "unpublish_at": iso(end)}).json()

    assert (body["status"], body["published_at"], body["version"]) == ("draft", None, 2)
    assert (body["publish_at"], body["unpublish_at"]) == (iso(begin), iso(end))
    assert recorded()[1:] == [("product.updated", f"product:{lamp.pk}")]
    assert Event.objects.latest("id").data["product"]["publish_at"] == iso(begin)


def test_the_same_schedule_again_changes_nothing(editor: JSONClient):
    lamp, body = make_product(), {"publish_at": iso(hence(1))}
    editor.post(url(lamp, "publish"), body)

    assert editor.post(url(lamp, "publish"), body).json()["version"] == 2
    assert len(recorded()) == 2


def test_the_rules_are_checked_when_it_is_scheduled(editor: JSONClient):
    lamp = make_product(price=None)

    response = editor.post(url(lamp, "publish"), {"publish_at": iso(hence(1))})

    assert (response.status_code, response.json()["errors"][0]["code"]) == (422, "price_missing")
    lamp.refresh_from_db()
    assert (lamp.publish_at, lamp.version) == (None, 1)


@pytest.mark.parametrize("body", [{}, {"publish_at": None}, {"publish_at": "2020-01-01T00:00:00Z"}])
def test_no_moment_or_a_past_one_means_now(editor: JSONClient, body: dict):
    lamp = make_product()

    shown = editor.post(url(lamp, "publish"), body).json()

    assert (shown["status"], shown["publish_at"]) == ("active", None)


def test_publishing_now_with_an_end(editor: JSONClient):
    lamp, end = make_product(), hence(1)

    body = editor.post(url(lamp, "publish"), {"unpublish_at": iso(end)}).json()

    assert (body["status"], body["unpublish_at"], body["version"]) == ("active", iso(end), 2)
    assert [kind for kind, _ in recorded()[1:]] == ["product.published"]


@pytest.mark.parametrize(
    "body",
    [
        {"unpublish_at": "2020-01-01T00:00:00Z"},
        {"publish_at": "2120-01-02T00:00:00Z", "unpublish_at": "2120-01-01T00:00:00Z"},
        {"publish_at": "2120-01-01T00:00:00Z", "unpublish_at": "2120-01-01T00:00:00Z"},
    ],
)
def test_an_end_that_is_not_after_the_beginning_is_422(editor: JSONClient, body: dict):
    lamp = make_product()

    response = editor.post(url(lamp, "publish"), body)

    errors = [(one["pointer"], one["code"]) for one in response.json()["errors"]]
    assert (response.status_code, errors) == (422, [("/unpublish_at", "invalid_schedule")])
    lamp.refresh_from_db()
    assert (lamp.status, lamp.version) == ("draft", 1)


@pytest.mark.parametrize("body", [{"publish_at": "tomorrow"}, {"publish_at": 5}, []])
def test_an_invalid_moment_is_422(editor: JSONClient, body: object):
    assert editor.post(url(make_product(), "publish"), body).status_code == 422


def test_a_published_product_is_not_published_later(editor: JSONClient):
    response = editor.post(url(make_product(status="active"), "publish"), {"publish_at": iso(hence(1))})

    assert (response.status_code, response.json()["code"]) == (409, "product_published")


def test_an_end_is_scheduled_for_what_is_published_or_will_be(editor: JSONClient):
    active, scheduled, draft = make_product("A-1", status="active"), make_product("B-1"), make_product("C-1")
    editor.post(url(scheduled, "publish"), {"publish_at": iso(hence(1))})

    answers = [
        editor.post(url(one, "unpublish"), {"unpublish_at": iso(hence(2))}) for one in (active, scheduled, draft)
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 409]
    assert [answer.json()["status"] for answer in answers[:2]] == ["active", "draft"]
    assert answers[2].json()["code"] == "product_not_published"
    early = editor.post(url(scheduled, "unpublish"), {"unpublish_at": iso(hence(0.5))})
    assert (early.status_code, early.json()["code"]) == (422, "invalid_schedule")


@pytest.mark.parametrize(
    ("action", "status"), [("publish", "active"), ("unpublish", "draft"), ("archive", "archived"), ("patch", "active")]
)
def test_an_action_now_cancels_the_schedule(editor: JSONClient, action: str, status: str):
    lamp = make_product()
    editor.post(url(lamp, "publish"), {"publish_at": iso(hence(1)), "unpublish_at": iso(hence(2))})

    if action == "archive":
        editor.delete(f"/api/v1/products/{lamp.pk}/")
    elif action == "patch":
        editor.patch(f"/api/v1/products/{lamp.pk}/", {"status": "active"})
    else:
        editor.post(url(lamp, action))

    lamp.refresh_from_db()
    assert (lamp.status, lamp.publish_at, lamp.unpublish_at, lamp.version) == (status, None, None, 3)


def test_an_edit_leaves_the_schedule_alone(editor: JSONClient):
    lamp, begin = make_product(), hence(1)
    editor.post(url(lamp, "publish"), {"publish_at": iso(begin)})

    body = editor.patch(f"/api/v1/products/{lamp.pk}/", {"name": "Big lamp", "status": "draft"}).json()

    assert (body["name"], body["publish_at"]) == ("Big lamp", iso(begin))


def test_due_products_are_published_and_unpublished_once(editor: JSONClient):
    lamp, later = make_product("A-1"), make_product("B-1")
    for product in (lamp, later):
        services.publish_product(product_id=product.pk, publish_at=hence(1), unpublish_at=hence(2))
    let_pass(lamp, publish_at=hence(-1))
    before = len(recorded())

    assert [publish_due(), publish_due()] == [1, 0]
    lamp.refresh_from_db()
    assert (lamp.status, lamp.publish_at, lamp.version) == ("active", None, 3)
    assert lamp.unpublish_at is not None

    let_pass(lamp, unpublish_at=hence(-0.5))
    assert [publish_due(), publish_due()] == [1, 0]
    lamp.refresh_from_db()
    assert (lamp.status, lamp.publish_at, lamp.unpublish_at, lamp.version) == ("draft", None, None, 4)
    assert [kind for kind, _ in recorded()[before:]] == ["product.published", "product.unpublished"]
    assert Event.objects.latest("id").actor == "system"


def test_a_schedule_in_the_past_leaves_a_draft():
    lamp = make_product()
    services.publish_product(product_id=lamp.pk, publish_at=hence(1), unpublish_at=hence(2))
    let_pass(lamp, publish_at=hence(-2), unpublish_at=hence(-1))

    assert publish_due() == 2
    lamp.refresh_from_db()
    assert (lamp.status, lamp.unpublish_at) == ("draft", None)
    assert publish_due() == 0


def test_a_product_that_fails_a_rule_when_due_stays_a_draft_and_is_logged(caplog: pytest.LogCaptureFixture):
    lamp, other = make_product("A-1"), make_product("B-1")
    for product in (lamp, other):
        services.publish_product(product_id=product.pk, publish_at=hence(1), unpublish_at=hence(2))
        let_pass(product, publish_at=hence(-1))
    services.update_product(product_id=lamp.pk, data={"variants": [{"sku": "A-1", "price": None}]})

    with caplog.at_level(logging.WARNING, logger="products.services.schedules"):
        assert publish_due() == 2

    lamp.refresh_from_db()
    other.refresh_from_db()
    assert (lamp.status, lamp.publish_at, lamp.unpublish_at) == ("draft", None, None)
    assert other.status == "active"
    assert f"Product {lamp.pk} was due to be published" in caplog.text
    assert publish_due() == 0


def test_more_than_a_batch_is_published_in_one_run(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(schedules, "BATCH_SIZE", 2)
    for number in range(5):
        lamp = make_product(f"A-{number}")
        services.publish_product(product_id=lamp.pk, publish_at=hence(1))
    Product.objects.update(publish_at=hence(-1))

    assert publish_due() == 5
    assert Product.objects.filter(status="active").count() == 5


def statements_of_a_run(count: int, prefix: str) -> int:
    for number in range(count):
        lamp = make_product(f"{prefix}-{number}", name=f"{prefix} {number}")
        services.publish_product(product_id=lamp.pk, publish_at=hence(1))
    Product.objects.filter(publish_at__isnull=False).update(publish_at=hence(-1))
    with CaptureQueriesContext(connection) as queries:
        assert publish_due() == count
    return len(queries)


def test_a_batch_costs_the_same_statements_however_many_there_are():
    assert statements_of_a_run(2, "A") == statements_of_a_run(20, "B")


def page(product: Product) -> str:
    return f"/admin/products/product/{product.pk}/change/"


def test_staff_set_and_clear_the_schedule():
    lamp, client = make_product(), superuser()
    sent = {**form_of(client.get(page(lamp))), "publish_at_0": "2120-01-01", "publish_at_1": "10:00:00"}

    client.post(page(lamp), sent)
    lamp.refresh_from_db()
    assert lamp.publish_at is not None
    assert (lamp.publish_at.year, lamp.status, lamp.version) == (2120, "draft", 2)

    client.post(page(lamp), {**form_of(client.get(page(lamp))), "publish_at_0": "", "publish_at_1": ""})
    lamp.refresh_from_db()
    assert (lamp.publish_at, lamp.status, lamp.version) == (None, "draft", 3)


def test_staff_see_the_error_of_an_impossible_schedule():
    lamp, client = make_product(), superuser()
    sent = {**form_of(client.get(page(lamp))), "unpublish_at_0": "2120-01-01", "unpublish_at_1": "10:00:00"}

    response = client.post(page(lamp), sent)

    assert response.status_code == 200
    assert "not published" in response.context["adminform"].form.non_field_errors()[0]
    assert Variant.objects.get().product.version == 1


def test_staff_end_what_is_published():
    lamp, client = make_product(status="active"), superuser()
    sent = {**form_of(client.get(page(lamp))), "unpublish_at_0": "2120-01-01", "unpublish_at_1": "10:00:00"}

    client.post(page(lamp), sent)
    lamp.refresh_from_db()
    assert (lamp.status, lamp.unpublish_at is not None) == ("active", True)

    client.post(page(lamp), {**form_of(client.get(page(lamp))), "unpublish_at_0": "", "unpublish_at_1": ""})
    lamp.refresh_from_db()
    assert (lamp.status, lamp.unpublish_at) == ("active", None)
