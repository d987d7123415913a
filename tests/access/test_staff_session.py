"""The staff's admin session is good for the API too, guarded against CSRF."""

import pytest
from django.contrib.auth.models import User

from pms_backend.events.models import Event
from products.models import Product
from tests.conftest import JSONClient
from tests.staff import user_with_scopes

PRODUCTS = "/api/v1/products/"
LAMP = {"name": "Lamp", "variants": [{"sku": "A-1"}]}

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff() -> User:
    return user_with_scopes("ada", "products:read", "products:write")


def browser(user: User) -> JSONClient:
    """A client that is logged in and looks after CSRF as a server does."""
    client = JSONClient(enforce_csrf_checks=True)
    client.force_login(user)
    return client


def test_staff_may_read(staff: User):
    assert browser(staff).get(PRODUCTS).status_code == 200


def test_a_write_without_the_csrf_token_is_refused(staff: User):
    response = browser(staff).post(PRODUCTS, LAMP)

    assert (response.status_code, response.json()["code"]) == (403, "forbidden")
    assert response["Content-Type"] == "application/problem+json"
    assert not Product.objects.exists()
    assert not Event.objects.exists()


def test_a_write_with_the_csrf_token_is_theirs(staff: User):
    client = browser(staff)
    client.cookies["csrftoken"] = token = "a" * 32

    response = client.post(PRODUCTS, LAMP, HTTP_X_CSRFTOKEN=token)

    assert response.status_code == 201
    assert Event.objects.get().actor == "user:ada"


def test_somebody_who_is_no_staff_has_no_scopes(django_user_model):
    customer = django_user_model.objects.create_user("eve", password="secret-of-eve")

    assert browser(customer).get(PRODUCTS).status_code == 401


def test_a_key_needs_no_csrf_token(client_with):
    client = client_with(["products:write", "products:read"], enforce_csrf_checks=True)

    assert client.post(PRODUCTS, LAMP).status_code == 201
