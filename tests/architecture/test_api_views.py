"""Every API view keeps the promises of our base classes."""

import pytest
from django.urls import get_resolver
from rest_framework import views

from pms_backend.api.endpoints import IdempotencyMixin
from tests.architecture.test_endpoints import PUBLIC, Endpoint, endpoints

# The schema and its page are read only.
NOT_OURS = {"schema", "docs"}


def find_foreign(found: list[Endpoint]) -> set[str]:
    """Views that would ignore an `Idempotency-Key`."""
    return {
        endpoint.name
        for endpoint in found
        if endpoint.view is not None and not issubclass(endpoint.view, IdempotencyMixin)
    }


def test_every_api_view_derives_from_our_base_classes():
    assert find_foreign(list(endpoints(get_resolver()))) == NOT_OURS


@pytest.mark.parametrize("name", ["schema", "pms-webhook"])
def test_views_without_authentication_are_checked_too(name: str):
    assert name in PUBLIC
    assert name in {endpoint.name for endpoint in endpoints(get_resolver())}


def test_a_view_of_drf_itself_is_found():
    foreign = Endpoint("foreign", "/foreign/", "post", views.APIView, None)

    assert find_foreign([foreign]) == {"foreign"}
