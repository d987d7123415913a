"""The address of a caller, as far as it can be believed."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import RequestFactory

from pms_backend.access.addresses import _address_of_peer, client_address


@pytest.fixture
def seen(settings):
    def address(remote: str, forwarded: str = "", *, proxies: tuple[str, ...] = ()) -> str:
        settings.TRUSTED_PROXIES = list(proxies)
        headers = {"X-Forwarded-For": forwarded} if forwarded else {}
        return client_address(RequestFactory().get("/", headers=headers, REMOTE_ADDR=remote))

    return address


def test_without_a_proxy_it_is_the_peers(seen):
    assert seen("203.0.113.9") == "203.0.113.9"


def test_a_header_of_somebody_untrusted_is_not_believed(seen):
    assert seen("203.0.113.9", "198.51.100.1") == "203.0.113.9"
    assert seen("203.0.113.9", "198.51.100.1", proxies=("10.0.0.0/8",)) == "203.0.113.9"


def test_a_trusted_proxy_is_believed(seen):
    assert seen("10.0.0.1", "203.0.113.9", proxies=("10.0.0.0/8",)) == "203.0.113.9"


def test_what_a_client_puts_in_front_is_not_believed(seen):
    forwarded = "198.51.100.1, 203.0.113.9, 10.0.0.2"

    assert seen("10.0.0.1", forwarded, proxies=("10.0.0.0/8",)) == "203.0.113.9"


def test_where_all_are_trusted_it_is_the_farthest(seen):
    assert seen("10.0.0.1", "10.0.0.3, 10.0.0.2", proxies=("10.0.0.0/8",)) == "10.0.0.3"


@pytest.mark.parametrize("forwarded", ["nonsense", "203.0.113.9, nonsense", "unknown", "203.0.113.9:443"])
def test_what_is_no_address_ends_the_search(seen, forwarded: str):
    assert seen("10.0.0.1", forwarded, proxies=("10.0.0.0/8",)) == "10.0.0.1"


def test_a_peer_without_an_address_is_unknown(seen):
    assert seen("") == "unknown"


def test_an_ipv6_customer_is_a_64(seen):
    assert seen("2001:db8:1:2:3:4:5:6") == seen("2001:db8:1:2:ffff::1") == "2001:db8:1:2::"
    assert seen("2001:db8:1:3::1") == "2001:db8:1:3::"


def test_an_ipv4_address_in_ipv6s_clothes_is_an_ipv4_address(seen):
    assert seen("::ffff:203.0.113.9") == "203.0.113.9"


def test_a_trusted_proxy_in_ipv6s_clothes_is_the_same_proxy(seen):
    assert seen("::ffff:10.0.0.1", "203.0.113.9", proxies=("10.0.0.0/8",)) == "203.0.113.9"


def test_an_ipv6_proxy_is_believed(seen):
    assert seen("2001:db8::1", "203.0.113.9", proxies=("2001:db8::/32",)) == "203.0.113.9"


def test_proxies_that_are_no_networks_are_named(seen):
    with pytest.raises(ImproperlyConfigured, match=r"^TRUSTED_PROXIES must be CIDRs such as"):
        seen("10.0.0.1", proxies=("10.0.0.1/8",))


def test_what_callers_write_is_not_remembered(seen):
    _address_of_peer.cache_clear()

    for number in range(5):
        seen("10.0.0.9", f"192.0.2.{number}", proxies=("10.0.0.0/8",))
    seen("203.0.113.9")

    assert _address_of_peer.cache_info().currsize == 1
