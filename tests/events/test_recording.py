"""An event is recorded in the transaction that makes it true."""

import pytest
from django.db import transaction

from pms_backend.api import context
from pms_backend.events import services
from pms_backend.events.domain_events import DomainEvent
from pms_backend.events.models import Event
from tests.events.examples import Lost, ThingHappened, feed, happen, lose

pytestmark = pytest.mark.database


@pytest.mark.django_db(transaction=True)
def test_outside_of_a_transaction_it_is_refused():
    with pytest.raises(transaction.TransactionManagementError, match="in the transaction that makes it true"):
        services.record(ThingHappened(thing="a"))

    assert not Event.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_was_never_recorded():
    with pytest.raises(Lost):
        lose(lambda: services.record(ThingHappened(thing="a")))

    assert not Event.objects.exists()


@pytest.mark.django_db
def test_it_says_who_did_it_in_which_request():
    with context.bind(actor="client:shop", request_id="r-1"):
        happen("a")
    happen("b")

    first, second = Event.objects.order_by("id")
    assert (first.type, first.subject, first.data) == ("thing.happened", "thing:a", {"thing": "a"})
    assert (first.actor, first.request_id, first.sequence) == ("client:shop", "r-1", None)
    assert (second.actor, second.request_id) == ("system", "")


@pytest.mark.django_db
def test_several_facts_are_recorded_in_their_order_in_one_statement(django_assert_num_queries):
    with transaction.atomic(), django_assert_num_queries(1):
        services.record(*(ThingHappened(thing=name) for name in "cab"))

    assert feed() == [(None, "thing:c"), (None, "thing:a"), (None, "thing:b")]


def test_an_event_without_a_subject_cannot_be_recorded():
    class Empty(DomainEvent):
        """Nothing."""

        type = "thing.empty"

    with pytest.raises(AttributeError, match="Empty names no subject"):
        _ = Empty().subject
