"""PMSs that do not answer hold few threads of a web process: whoever asks one more is told to wait."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

import pytest
from django.db import connections

from pms_backend.standalone.programs import WEB_THREADS
from pms_integration import services
from pms_integration.models import PMSConnection
from pms_integration.services.questions import MAX_ASKED_AT_ONCE, ConnectionCheck
from tests.conftest import JSONClient
from tests.factories import make_connection
from tests.outbound.servers import LocalServer
from tests.pms_integration.outgoing.calling import answering, connect
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

BUSY = "is being asked already, and has not answered yet."
OTHERS_BUSY = "Other PMSs are being asked, and have not answered yet."


def check(slug: str) -> ConnectionCheck:
    try:
        return services.check_connection(slug=slug, webhook_url="http://testserver/")
    finally:
        connections.close_all()


@contextmanager
def being_asked(server: LocalServer, *slugs: str) -> Iterator[list[Future[ConnectionCheck]]]:
    """The PMSs of these connections are being asked by other threads, and answer at the end of the block."""
    is_over = threading.Event()

    def respond(handler: BaseHTTPRequestHandler) -> None:
        is_over.wait()
        answering({"name": "Shop"})(handler)

    server.respond = respond
    with ThreadPoolExecutor(len(slugs)) as pool:
        try:
            asking = [pool.submit(check, slug) for slug in slugs]
            wait_until(lambda: len(server.received) == len(slugs), "the PMSs are asked")
            yield asking
        finally:
            is_over.set()


def refusals(api: JSONClient, slug: str) -> set[tuple[int, str, str]]:
    """How both endpoints that ask the PMS are answered."""
    url = f"/api/v1/pms/connections/{slug}/"
    answers = [api.post(f"{url}test/"), api.get(f"{url}locations/")]
    assert all("Retry-After" in answer for answer in answers)
    return {(answer.status_code, answer.json()["code"], answer.json()["detail"]) for answer in answers}


def test_a_pms_that_is_being_asked_is_not_asked_again(api: JSONClient, pms: PMSConnection, server: LocalServer):
    with being_asked(server, "demo") as asking:
        assert refusals(api, "demo") == {(503, "pms_busy", f"The PMS demo {BUSY}")}
        assert len(server.received) == 1

    assert [one.result().detail for one in asking] == ["Shop"]
    assert api.post("/api/v1/pms/connections/demo/test/").json()["ok"] is True
    pms.refresh_from_db()
    assert pms.last_error == ""


def test_so_many_are_asked_at_a_time(api: JSONClient, pms: PMSConnection, server: LocalServer):
    slugs = ["demo", *(f"demo-{number}" for number in range(MAX_ASKED_AT_ONCE))]
    for slug in slugs[1:]:
        connect(make_connection(slug), server)

    with being_asked(server, *slugs[:-1]):
        assert refusals(api, slugs[-1]) == {(503, "pms_busy", OTHERS_BUSY)}

    assert api.post(f"/api/v1/pms/connections/{slugs[-1]}/test/").json()["ok"] is True


def test_another_pms_is_asked_meanwhile(api: JSONClient, pms: PMSConnection, server: LocalServer):
    connect(make_connection("other"), server)

    with being_asked(server, "demo"):
        server.respond = answering({"name": "Other shop"})
        assert api.post("/api/v1/pms/connections/other/test/").json()["detail"] == "Other shop"


def test_half_of_the_threads_are_left_for_everything_else():
    assert 2 * MAX_ASKED_AT_ONCE <= WEB_THREADS
