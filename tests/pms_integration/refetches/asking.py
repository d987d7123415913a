"""A PMS with products and figures, and what is to be asked for."""

import json
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from django.utils import timezone

from pms_integration.connectors.contract import Resource
from pms_integration.models import PMSConnection, PMSRefetch
from pms_integration.services import refetches
from tests.outbound.servers import LocalServer, Respond, send
from tests.pms_integration.outgoing.calling import answering


class Shop:
    """Answers `GET /products/{id}` and `GET /stock?sku=`, or in place of that what `answers` has for the resource."""

    def __init__(self, server: LocalServer) -> None:
        self.products: dict[str, dict[str, Any]] = {}
        self.stock: dict[str, list[dict[str, Any]]] = {}
        self.answers: dict[str, Respond] = {}
        self.server = server

    def respond(self, handler: BaseHTTPRequestHandler) -> None:
        for name in names_in(handler.path):
            if name in self.answers:
                self.answers[name](handler)
                return
        url = urlsplit(handler.path)
        if url.path == "/api/stock":
            rows = [row for sku in parse_qs(url.query)["sku"] for row in self.stock.get(sku, [])]
            send(handler, json.dumps({"stock": rows, "next": None}).encode())
            return
        product = self.products.get(unquote(url.path.rpartition("/")[2]))
        answering(product)(handler) if product else answering({"code": "not_found"}, 404)(handler)

    def put(self, sku: str, on_hand: int, *, location: str = "main", version: int = 1, minute: float = -1) -> None:
        """Has a figure of a SKU."""
        moment = (timezone.now() + timedelta(minutes=minute)).isoformat()
        row = {"sku": sku, "location": location, "on_hand": on_hand, "version": version, "updated_at": moment}
        others = [one for one in self.stock.get(sku, []) if one["location"] != location]
        self.stock[sku] = [*others, row]

    @property
    def asked(self) -> list[list[str]]:
        """The names of each request, in order."""
        return [names_in(path) for path in self.server.paths]


def names_in(path: str) -> list[str]:
    """The product or the SKUs that a request asks for."""
    url = urlsplit(path)
    return parse_qs(url.query).get("sku") or [unquote(url.path.rpartition("/")[2])]


def request(pms: PMSConnection, *names: str, resource: Resource = Resource.STOCK, **more: Any) -> None:
    """Stores that these are to be asked for."""
    refetches.request(pms, [(resource, name) for name in names], **more)


def make_due(**filters: Any) -> None:
    """Makes what is to be asked for later due now."""
    PMSRefetch.objects.filter(**filters).update(due_at=timezone.now() - timedelta(seconds=1))


def failures() -> dict[str, int]:
    """The failures of what is still to be asked for."""
    return dict(PMSRefetch.objects.values_list("external_id", "failures"))


def seconds_until_due() -> dict[str, float]:
    """In how many seconds each is asked for."""
    now = timezone.now()
    return {name: (due_at - now).total_seconds() for name, due_at in
            PMSRefetch.objects.values_list("external_id", "due_at")}  # fmt: skip
