"""Which URLs are called, and which are refused when they are given."""

from ipaddress import ip_address

import pytest
from django.core.exceptions import ImproperlyConfigured

from pms_backend import outbound
from pms_backend.api.exceptions import problem_of
from pms_backend.api.outbound_urls import OutboundForbidden, check_outbound_url
from pms_backend.outbound.guard import parse_allowed_destinations
from pms_backend.outbound.networks import is_public
from pms_backend.outbound.targets import MAX_URL_LENGTH, parse_target
from tests.outbound.servers import Names

PUBLIC = "93.184.216.34"
PRIVATE = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "100.100.100.200", "127.0.0.1",
    "127.255.255.254", "168.63.129.16", "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255",
    "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1",
    "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1", "2001::1", "2001:0:7f00:1::", "2001:20::1", "2001:db8::1",
    "2002:7f00:1::", "2002:5db8:d822::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1",
    "ff02::1", "4000::1",
]  # fmt: skip
OPEN = [
    PUBLIC, "1.1.1.1", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "192.0.1.1", "223.255.255.255",
    "2606:2800:220:1:248:1893:25c8:1946", "2a00:1450:4001:81b::200e", f"::ffff:{PUBLIC}", "64:ff9b::5db8:d822",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_is_refused(address: str):
    assert not is_public(ip_address(address))
    with pytest.raises(outbound.Forbidden):
        outbound.check_url(f"http://[{address}]/" if ":" in address else f"http://{address}/")


@pytest.mark.parametrize("address", OPEN)
def test_a_public_address_is_called(address: str):
    assert is_public(ip_address(address))
    outbound.check_url(f"https://[{address}]:8443/a.png" if ":" in address else f"https://{address}:8443/a.png")


@pytest.mark.parametrize(
    "host",
    [
        "2130706433", "0x7f000001", "017700000001", "0177.0.0.1", "0x7f.0.0.1", "127.1", "127.0.1", "0", "0x0",
        "127.0.0.1.", "127.000.000.001", "1.2.3.4.5", "256.256.256.256", "0x7f.1", "10.0x1", "example.0x7f",
        "①②⑦.⓪.⓪.①", "１２７.０.０.１", "127。0。0。1", "127.0.0.1%00.example.com", "%31%32%37.0.0.1",
        "[::ffff:7f00:1]", "[0:0:0:0:0:0:0:1]", "[::1%25lo]", "[fe80::1%25eth0]", "[::1]", "[::1", "localhost..",
        "-", "a b", "exa\tmple.com", "ex\\ample.com", "", ".", "a..b", "ex*mple.com", "ⓛocalhost",
    ],
)  # fmt: skip
def test_an_unusual_spelling_of_a_host_is_refused(host: str, names: Names):
    names.set("localhost", ["127.0.0.1"])

    with pytest.raises(outbound.Forbidden):
        outbound.check_url(f"http://{host}/")
    assert names.asked in ([], ["localhost"])


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "//example.com/", "example.com", "http:",
        "http://", "http:///path", "javascript:alert(1)", "data:image/png;base64,AA", "unix:///run/x", "",
        "http://user@example.com/", "http://user:secret@example.com/", "http://@example.com/", "http://:@example.com/",
        "http://example.com:0/", "http://example.com:65536/", "http://example.com:-1/", "http://example.com:x/",
        "http://example.com/\r\nHost: x", "http://example.com\\@10.0.0.1/", " http://example.com/", "http://exa\x00.com",
        "http://example.com/" + "a" * MAX_URL_LENGTH,
    ],
)  # fmt: skip
def test_an_invalid_url_is_refused(url: str, names: Names):
    with pytest.raises(outbound.Forbidden):
        outbound.check_url(url)
    assert names.asked == []


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("http://Example.COM/a", "example.com", 80),
        ("https://example.com./a", "example.com", 443),
        ("https://bücher.example/", "xn--bcher-kva.example", 443),
        ("http://my_bucket.example:8080/", "my_bucket.example", 8080),
        ("http://[2606:2800:220:1::1]:81/", "2606:2800:220:1::1", 81),
    ],
)
def test_a_target_has_one_spelling(url: str, host: str, port: int):
    target = parse_target(url)

    assert (target.host, target.port) == (host, port)
    assert target.url.host.strip("[]") in (host, "bücher.example")


@pytest.mark.parametrize("addresses", [["127.0.0.1"], [PUBLIC, "10.0.0.1"], ["::1", PUBLIC], ["fd00:ec2::254"]])
def test_a_name_with_a_private_address_is_refused(names: Names, addresses: list[str]):
    names.set("evil.example", addresses)

    with pytest.raises(outbound.Forbidden, match="not public"):
        outbound.check_url("http://evil.example/")


def test_a_name_without_an_address_passes_the_check(names: Names):
    outbound.check_url("http://later.example/")

    with pytest.raises(outbound.Unreachable):
        outbound.fetch("http://later.example/", bounds=outbound.Bounds(max_bytes=10))


def test_the_refusal_is_a_422_of_the_api():
    with pytest.raises(OutboundForbidden) as refused:
        check_outbound_url("http://169.254.169.254/latest/meta-data/")

    problem = problem_of(refused.value)
    assert (problem.status, problem.code) == (422, "outbound_forbidden")


@pytest.mark.parametrize(
    ("entry", "called"),
    [
        ("10.1.0.0/16", ["http://10.1.2.3/", "http://pms.internal:8443/", "http://[::ffff:10.1.2.3]/"]),
        ("10.1.2.3", ["http://10.1.2.3:99/", "http://pms.internal/"]),
        ("10.1.2.3:8443", ["http://10.1.2.3:8443/", "https://pms.internal:8443/"]),
        ("pms.internal", ["http://pms.internal/", "https://PMS.internal.:8443/"]),
        ("pms.internal:8443", ["https://pms.internal:8443/"]),
        ("pms.internal:80", ["http://pms.internal/"]),
        ("fd00::/8", ["http://[fd00::1]/"]),
        ("[fd00::1]:81", ["http://[fd00::1]:81/"]),
    ],
)
def test_only_allowed_private_destinations_are_called(names: Names, settings, entry: str, called: list[str]):
    names.set("pms.internal", ["10.1.2.3"])
    names.set("other.internal", ["10.2.0.1"])
    everything = [
        "http://10.1.2.3/", "http://10.1.2.3:99/", "http://10.1.2.3:8443/", "http://pms.internal/",
        "https://pms.internal:8443/", "http://other.internal/", "http://[fd00::1]/", "http://[fd00::1]:81/",
        "http://127.0.0.1/", "http://[::ffff:10.1.2.3]/",
    ]  # fmt: skip
    settings.OUTBOUND_ALLOW = [entry]

    for url in called:
        outbound.check_url(url)

    refused = [url for url in everything if _is_refused(url)]
    assert {"http://other.internal/", "http://127.0.0.1/"} <= set(refused)
    assert set(called).isdisjoint(refused)
    if ":" in entry and "/" not in entry:
        assert len(refused) >= 8


def _is_refused(url: str) -> bool:
    try:
        outbound.check_url(url)
    except outbound.Forbidden:
        return True
    return False


@pytest.mark.parametrize("entry", ["http://pms.internal", "pms.internal/path", "10.0.0.0/99", "a b", "x:99999", "*"])
def test_an_invalid_entry_of_the_allow_list_is_named(entry: str):
    with pytest.raises(ImproperlyConfigured, match="OUTBOUND_ALLOW must be"):
        parse_allowed_destinations((entry,))
