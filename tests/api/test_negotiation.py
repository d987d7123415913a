"""In which form an answer is sent: as DRF would have it, whoever decides."""

from typing import Any

import pytest
from django.http import Http404
from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from pms_backend.api import negotiation
from pms_backend.api.negotiation import ContentNegotiation
from pms_backend.api.renderers import JSONRenderer
from pms_integration.files.views import CSVRenderer

RENDERERS: list[BaseRenderer] = [JSONRenderer(), CSVRenderer()]


def verdict(by: DefaultContentNegotiation, address: str, accept: str | None) -> Any:
    headers = {} if accept is None else {"Accept": accept}
    request = Request(APIRequestFactory().get(address, headers=headers))
    try:
        return by.select_renderer(request, RENDERERS)
    except (NotAcceptable, Http404) as error:
        return type(error)


@pytest.mark.parametrize(
    "address", ["/", "/?format=json", "/?format=csv", "/?format=xml", "/?name=format", "/?%66ormat=csv"]
)
@pytest.mark.parametrize(
    "accept",
    [None, "", "*/*", "application/json", "text/csv", "text/csv, */*", "application/*", "application/json; indent=2",
     "application/xml", "APPLICATION/JSON", "*/*; q=0.1", " */*", "application/json,*/*", "nonsense"],
)  # fmt: skip
def test_the_renderer_is_the_same_as_drfs(address: str, accept: str | None):
    assert verdict(ContentNegotiation(), address, accept) == verdict(DefaultContentNegotiation(), address, accept)


@pytest.mark.parametrize("accept", [None, "*/*", "application/json"])
def test_the_usual_accept_header_skips_drf(accept: str | None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delattr(negotiation.DefaultContentNegotiation, "select_renderer")

    assert verdict(ContentNegotiation(), "/", accept) == (RENDERERS[0], "application/json")
