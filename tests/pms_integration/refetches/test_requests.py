"""What is stored to be asked for: once for each resource, due as early as anybody wants it."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from redis import Redis

from pms_backend import settings as ours
from pms_integration.connectors.contract import Resource
from pms_integration.models import PMSConnection, PMSRefetch
from pms_integration.services import refetches
from tests.factories import make_connection
from tests.pms_integration.refetches.asking import request, seconds_until_due

pytestmark = pytest.mark.django_db


@pytest.fixture
def pms() -> PMSConnection:
    return make_connection()


def test_a_resource_is_one_row_however_often_it_is_requested(pms: PMSConnection):
    other = make_connection("other")
    refetches.request(pms, [(Resource.STOCK, "A-1"), (Resource.PRODUCT, "A-1"), (Resource.STOCK, "A-1")])
    request(pms, "A-1")
    request(other, "A-1")

    rows = PMSRefetch.objects.order_by("connection", "resource").values_list("connection", "resource", "external_id")
    assert list(rows) == [(pms.pk, "product", "A-1"), (pms.pk, "stock", "A-1"), (other.pk, "stock", "A-1")]
    assert all(seconds <= 0 for seconds in seconds_until_due().values())


def test_it_may_be_requested_for_later_and_an_earlier_time_counts(pms: PMSConnection):
    def due_in(seconds: int) -> float:
        request(pms, "A-1", due_at=timezone.now() + timedelta(seconds=seconds))
        return seconds_until_due()["A-1"]

    assert 200 < due_in(300) <= 300
    assert 200 < due_in(600) <= 300
    assert 60 < due_in(120) <= 120
    request(pms, "A-1")
    assert seconds_until_due()["A-1"] <= 0
    assert due_in(300) <= 0


def test_a_new_request_forgets_failures_and_keeps_a_lease(pms: PMSConnection):
    request(pms, "A-1")
    until = timezone.now() + timedelta(seconds=30)
    PMSRefetch.objects.update(failures=7, due_at=until, leased_until=until)
    before = PMSRefetch.objects.get()

    request(pms, "A-1")

    row = PMSRefetch.objects.get()
    assert (row.pk, row.failures, row.leased_until) == (before.pk, 0, until)
    assert row.requested_at > before.requested_at
    assert row.due_at < until


def test_nothing_requested_stores_nothing(pms: PMSConnection):
    request(pms)

    assert not PMSRefetch.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_commit_wakes_a_worker_up_unless_it_is_for_later(pms: PMSConnection):
    def tasks() -> int:
        with Redis.from_url(ours.CELERY_BROKER_URL) as broker:
            return int(broker.llen("pms"))  # type: ignore[arg-type]

    request(pms, "later", due_at=timezone.now() + timedelta(seconds=60))
    assert tasks() == 0
    with transaction.atomic():
        for number in range(10):
            request(pms, f"A-{number}")
        assert tasks() == 0

    assert tasks() == 1
