"""No connector stores a header that may carry a secret: events are shown to whoever may read them."""

from collections.abc import Iterable

import pytest

from pms_integration.connectors import CONNECTORS

SECRET = ("signature", "hmac", "authorization", "cookie", "token", "secret", "api-key", "password")


def find_secret(names: Iterable[str]) -> set[str]:
    return {name for name in names if any(word in name.lower().replace("_", "-") for word in SECRET)}


@pytest.mark.parametrize("kind", CONNECTORS)
def test_no_stored_header_may_carry_a_secret(kind: str) -> None:
    assert find_secret(CONNECTORS[kind].stored_headers) == set()


@pytest.mark.parametrize("kind", CONNECTORS)
def test_names_are_in_lower_case_so_that_each_is_stored_once(kind: str) -> None:
    assert {name for name in CONNECTORS[kind].stored_headers if name != name.lower()} == set()


@pytest.mark.parametrize(
    "name",
    ["webhook-signature", "X-Shopify-Hmac-Sha256", "authorization", "Proxy-Authorization", "set-cookie", "x-goog-token",
     "X_Secret", "x-api-key"],
)  # fmt: skip
def test_such_a_header_is_found(name: str) -> None:
    assert find_secret([name, "x-shopify-topic", "webhook-id"]) == {name}
