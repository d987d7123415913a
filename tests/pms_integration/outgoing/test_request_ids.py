"""A call of a PMS carries the id of the request that it is made for, and an error says which one the PMS gave it."""

import pytest

from inventory.services import adjust_stock
from pms_backend.api import context
from pms_backend.events.services import relay_pending
from pms_integration import services
from pms_integration.models import PMSConnection
from tests.factories import make_location, make_product
from tests.outbound.servers import LocalServer
from tests.pms_integration.outgoing.calling import answering, call, refused


@pytest.mark.django_db
@pytest.mark.parametrize(("bound", "sent"), [("r-1", "r-1"), ("", None), ("no header\n", None)])
def test_a_call_has_the_request_id_of_its_context(
    server: LocalServer, pms: PMSConnection, bound: str, sent: str | None
) -> None:
    with context.bind(request_id=bound):
        call(pms, "check")

    assert server.received[-1].headers.get("x-request-id") == sent


@pytest.mark.django_db
def test_an_error_names_the_request_id_of_the_answer(server: LocalServer, pms: PMSConnection) -> None:
    server.respond = answering({"code": "broken"}, 500, X_Request_Id="theirs-7")

    assert str(refused(pms)) == 'The PMS answered 500 (its request theirs-7): {"code": "broken"}'


@pytest.mark.django_db(transaction=True)
def test_a_push_of_stock_has_the_request_id_of_its_movement(server: LocalServer, pms: PMSConnection) -> None:
    make_product("A-1")
    services.map_location(connection=pms, location=make_location("main"), external_id="W1", owns_stock=False)
    server.respond = answering({"results": []})
    with context.bind(request_id="opened"):
        adjust_stock(sku="A-1", location="main", delta=5, reason="receipt")
    with context.bind(request_id="sold"):
        adjust_stock(sku="A-1", location="main", delta=-1, reason="sale")
    relay_pending()

    services.push_due_stock()

    assert {request.headers["x-request-id"] for request in server.received} == {"sold"}
