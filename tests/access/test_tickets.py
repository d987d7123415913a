"""Tickets: each opens one socket, in its owner's name, within 30 seconds."""

from datetime import timedelta
from functools import partial

import pytest
from django.db import connection
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from pms_backend.access import services
from pms_backend.access.authentication import caller_of_key
from pms_backend.access.caller import Caller, caller_of_user
from pms_backend.access.models import SocketTicket
from tests.concurrency.threads import at_once
from tests.conftest import ClientWith, JSONClient
from tests.staff import user_with_scopes

TICKETS = "/api/v1/realtime/tickets/"


def caller(**more) -> Caller:
    found = caller_of_key(services.create_api_client(name="screen", scopes=["inventory:read"], **more).api_key)
    assert found is not None
    return found


def let_pass(seconds: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE access_socketticket SET expires_at = expires_at - make_interval(secs => %s)", [seconds])


@pytest.mark.django_db
def test_a_ticket_is_shown_once_and_kept_as_a_hash(client_with: ClientWith):
    answer = client_with(["inventory:read"]).post(TICKETS)

    assert (answer.status_code, answer["Cache-Control"], set(answer.json())) == (
        201, "no-store", {"ticket", "expires_at"},
    )  # fmt: skip
    left = parse_datetime(answer.json()["expires_at"]) - timezone.now()
    assert timedelta(seconds=20) < left < timedelta(seconds=40)
    row = SocketTicket.objects.get()
    assert answer.json()["ticket"].encode() not in bytes(row.digest)
    assert answer.json()["ticket"] not in str(row.caller)


@pytest.mark.django_db
def test_it_takes_no_idempotency_key(client_with: ClientWith):
    answer = client_with(["inventory:read"]).post(TICKETS, headers={"Idempotency-Key": "k-1"})

    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_not_supported")
    assert SocketTicket.objects.count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize(("scopes", "tier"), [(["products:read"], "default"), (["inventory:read"], "storefront")])
def test_a_caller_who_may_not_watch_gets_no_ticket(client_with: ClientWith, scopes: list[str], tier: str):
    answer = client_with(scopes, tier=tier).post(TICKETS)

    assert (answer.status_code, SocketTicket.objects.count()) == (403, 0)


@pytest.mark.django_db
def test_one_caller_may_not_ask_too_often(client_with: ClientWith, settings):
    settings.RATE_LIMITS = '{"tokens": "2/minute", "address": "1000/second"}'
    client, another = client_with(["inventory:read"]), client_with(["inventory:read"])
    internal = client_with(["inventory:read"], tier="internal")

    answers = [client.post(TICKETS).status_code for _ in range(3)]

    assert answers == [201, 201, 429]
    assert another.post(TICKETS).status_code == 201
    assert [internal.post(TICKETS).status_code for _ in range(3)] == [201] * 3


@pytest.mark.django_db
def test_it_carries_its_owner_and_is_used_once():
    owner = caller(expires_at=timezone.now() + timedelta(hours=1))
    ticket = services.issue_ticket(caller=owner).ticket

    assert services.redeem_ticket(ticket=ticket) == owner
    assert services.redeem_ticket(ticket=ticket) is None


@pytest.mark.django_db
def test_a_user_of_the_admin_gets_one_too():
    user = user_with_scopes("ada", "inventory:read")
    client = JSONClient()
    client.force_login(user)

    answer = client.post(TICKETS)

    assert answer.status_code == 201
    assert services.redeem_ticket(ticket=answer.json()["ticket"]) == caller_of_user(user)


@pytest.mark.django_db
def test_after_thirty_seconds_it_is_no_good_and_is_forgotten():
    young, old, older = (services.issue_ticket(caller=caller()).ticket for _ in range(3))
    let_pass(29)
    assert services.redeem_ticket(ticket=young) is not None

    let_pass(1)

    assert services.redeem_ticket(ticket=old) is None
    assert services.prune_tickets() == 1
    assert services.redeem_ticket(ticket=older) is None


@pytest.mark.django_db
@pytest.mark.parametrize("ticket", ["", "wrong", "ä", "x" * 10_000, "\x00"])
def test_what_is_no_ticket_is_nobodys(ticket: str):
    services.issue_ticket(caller=caller())

    assert services.redeem_ticket(ticket=ticket) is None
    assert SocketTicket.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_ticket_that_is_redeemed_eight_times_at_once_admits_one():
    ticket = services.issue_ticket(caller=caller()).ticket

    found = at_once([partial(services.redeem_ticket, ticket=ticket)] * 8)

    assert sum(isinstance(one, Caller) for one in found) == 1
    assert sum(one is None for one in found) == 7
