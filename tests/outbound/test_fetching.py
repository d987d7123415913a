"""Calls over real connections: only to checked addresses, and bounded whatever the other side does."""

import gzip
import ssl
import time
import zlib
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pms_backend import outbound
from pms_backend.outbound import fetching
from pms_backend.outbound.backoff import pause_before
from tests.machine import is_within
from tests.outbound.servers import Names, dripping, dripping_head, saying, send, serving

BOUNDS = outbound.Bounds(max_bytes=10_000, total_seconds=2.0)
PUBLIC = "93.184.216.34"


@pytest.fixture(autouse=True)
def _shop(names: Names, settings) -> None:
    """A name that is allowed to lead to this machine."""
    names.set("shop.example", ["127.0.0.1"])
    settings.OUTBOUND_ALLOW = ["shop.example"]


def test_a_response_has_its_status_and_its_final_url():
    with serving(saying(b"hello", 404, Content_Type="text/plain")) as server:
        answer = outbound.fetch(f"http://shop.example:{server.port}/a?b=c#d", bounds=BOUNDS)

    assert (answer.status, answer.body) == (404, b"hello")
    assert answer.url == f"http://shop.example:{server.port}/a?b=c"
    assert server.paths == ["/a?b=c"]


def test_the_address_that_is_connected_to_is_the_one_that_is_checked(names: Names):
    names.set("rebind.example", [PUBLIC], ["127.0.0.1"])
    with serving(saying(b"secret")) as server:
        url = f"http://rebind.example:{server.port}/"
        outbound.check_url(url)

        with pytest.raises(outbound.Forbidden, match="not public"):
            outbound.fetch(url, bounds=BOUNDS)

    assert names.asked == ["rebind.example"] * 2
    assert server.paths == []


def test_a_name_is_looked_up_once_for_a_connection(names: Names):
    names.set("rebind.example", [PUBLIC], ["127.0.0.1"])
    bounds = outbound.Bounds(max_bytes=10, connect_seconds=0.2, total_seconds=0.5)
    with serving(saying(b"secret")) as server, pytest.raises(outbound.OutboundError):
        outbound.fetch(f"http://rebind.example:{server.port}/", bounds=bounds)

    assert names.asked == ["rebind.example"]
    assert server.paths == []


@pytest.mark.parametrize("host", ["127.0.0.1", "[::ffff:127.0.0.1]", "localhost", "127.1", "2130706433"])
def test_this_machine_is_not_called(names: Names, host: str):
    names.set("localhost", ["127.0.0.1"])
    with serving(saying(b"secret")) as server, pytest.raises(outbound.Forbidden):
        outbound.fetch(f"http://{host}:{server.port}/", bounds=BOUNDS)

    assert server.paths == []


def test_the_operators_own_url_may_be_private():
    with serving(saying(b"keys")) as server:
        answer = outbound.fetch(f"http://127.0.0.1:{server.port}/", bounds=BOUNDS, may_be_private=True)

    assert answer.body == b"keys"


@pytest.mark.parametrize(
    "to",
    ["http://127.0.0.1:{port}/inside", "//127.0.0.1:{port}/inside", "http://0x7f.1:{port}/inside", "file:///etc/passwd",
     "http://user:secret@shop.example:{port}/", "http://other.example:{port}/inside"],
)  # fmt: skip
def test_a_redirect_to_a_forbidden_address_is_not_followed(names: Names, to: str):
    names.set("other.example", ["10.0.0.1"])
    with serving(saying(b"")) as server:
        server.respond = saying(b"", 302, Location=to.format(port=server.port))
        with pytest.raises(outbound.Forbidden):
            outbound.fetch(f"http://shop.example:{server.port}/", bounds=BOUNDS)

    assert server.paths == ["/"]


def test_redirects_are_followed_up_to_a_number():
    def respond(handler) -> None:
        send(handler, b"", 302, Location=f"/{int(handler.path[1:]) + 1}")

    with serving(respond) as server:
        answer = outbound.fetch(f"http://shop.example:{server.port}/0", bounds=BOUNDS)

    assert server.paths == ["/0", "/1", "/2", "/3"]
    assert (answer.status, answer.url[-2:]) == (302, "/3")
    assert BOUNDS.max_redirects == 3


@pytest.mark.parametrize("respond", [dripping, dripping_head])
def test_a_server_that_sends_byte_by_byte_times_out(respond):
    bounds = outbound.Bounds(max_bytes=10_000, read_seconds=5, total_seconds=0.5)
    began = time.monotonic()

    with serving(respond) as server, pytest.raises(outbound.Unreachable):
        outbound.fetch(f"http://shop.example:{server.port}/", bounds=bounds)

    assert is_within(time.monotonic() - began, 1.5)


def test_a_silent_server_times_out():
    bounds = outbound.Bounds(max_bytes=10_000, read_seconds=0.2, total_seconds=5)
    began = time.monotonic()

    with serving(lambda _: time.sleep(2)) as server, pytest.raises(outbound.Unreachable):
        outbound.fetch(f"http://shop.example:{server.port}/", bounds=bounds)

    assert is_within(time.monotonic() - began, 1.5)


@pytest.mark.parametrize("length", [10_000, 10_001])
def test_a_body_is_read_up_to_its_bound(length: int):
    with serving(saying(b"x" * length)) as server:
        url = f"http://shop.example:{server.port}/"
        if length == BOUNDS.max_bytes:
            assert len(outbound.fetch(url, bounds=BOUNDS).body) == length
        else:
            with pytest.raises(outbound.ResponseTooLarge):
                outbound.fetch(url, bounds=BOUNDS)


def test_a_body_without_a_length_is_read_no_further_than_its_bound():
    sent: list[int] = []

    def respond(handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(10_000):
            handler.wfile.write(b"x" * 65_536)
            sent.append(1)

    with serving(respond) as server, pytest.raises(outbound.ResponseTooLarge):
        outbound.fetch(f"http://shop.example:{server.port}/", bounds=BOUNDS)

    assert len(sent) < 500


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_compressed_body_is_counted_as_it_unpacks(encoding: str):
    pack = {"gzip": gzip.compress, "deflate": zlib.compress}[encoding]
    with serving(saying(pack(b"x" * 9_000), Content_Encoding=encoding)) as server:
        url = f"http://shop.example:{server.port}/"
        assert outbound.fetch(url, bounds=BOUNDS).body == b"x" * 9_000

        server.respond = saying(pack(bytes(9_000_000)), Content_Encoding=encoding)
        with pytest.raises(outbound.ResponseTooLarge):
            outbound.fetch(url, bounds=BOUNDS)


def test_a_gzip_bomb_is_unpacked_a_piece_at_a_time(monkeypatch: pytest.MonkeyPatch):
    pieces: list[int] = []
    bomb = gzip.compress(bytes(50_000_000))
    read = fetching._decoded

    def measured(response):
        for piece in read(response):
            pieces.append(len(piece))
            yield piece

    monkeypatch.setattr(fetching, "_decoded", measured)
    bounds = outbound.Bounds(max_bytes=1_000_000, total_seconds=10)
    with serving(saying(bomb, Content_Encoding="gzip")) as server, pytest.raises(outbound.ResponseTooLarge):
        outbound.fetch(f"http://shop.example:{server.port}/", bounds=bounds)

    assert max(pieces) == 65_536
    assert sum(pieces) < 1_100_000


@pytest.mark.parametrize(
    ("body", "encoding"),
    [(b"xx", "br"), (b"not gzip", "gzip"), (gzip.compress(b"whole")[:-6], "gzip")],
    ids=["unknown", "none", "cut off"],
)
def test_an_unknown_or_broken_encoding_is_unreachable(body: bytes, encoding: str):
    with serving(saying(body, Content_Encoding=encoding)) as server, pytest.raises(outbound.Unreachable):
        outbound.fetch(f"http://shop.example:{server.port}/", bounds=BOUNDS)


@pytest.mark.parametrize(
    "raw", [b"nonsense\r\n\r\n", b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", b"\x16\x03\x01"]
)
def test_a_response_that_is_not_http_is_unreachable(raw: bytes):
    def respond(handler) -> None:
        handler.wfile.write(raw)

    with serving(respond) as server, pytest.raises(outbound.Unreachable):
        outbound.fetch(f"http://shop.example:{server.port}/", bounds=BOUNDS)


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch):
    with serving(saying(b"by the proxy")) as proxy, serving(saying(b"hello")) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")

        assert outbound.fetch(f"http://shop.example:{server.port}/", bounds=BOUNDS).body == b"hello"
    assert proxy.paths == []


def test_tls_is_verified_against_the_name(names: Names, settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    names.set("other.example", ["127.0.0.1"])
    settings.OUTBOUND_ALLOW = ["shop.example", "other.example"]
    certificate = certificate_for("shop.example", tmp_path)
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(certificate)
    trusting = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(fetching, "tls_context", lambda: trusting)

    with serving(saying(b"hello"), served) as server:
        assert outbound.fetch(f"https://shop.example:{server.port}/", bounds=BOUNDS).body == b"hello"
        with pytest.raises(outbound.Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
            outbound.fetch(f"https://other.example:{server.port}/", bounds=BOUNDS)


def certificate_for(name: str, directory: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    names = x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ip_address("10.0.0.1"))])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject).issuer_name(subject).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = directory / f"{name}.pem"
    path.write_bytes(private + certificate.public_bytes(pem))
    return path


def test_pauses_double_up_to_the_longest():
    first, longest = timedelta(seconds=10), timedelta(seconds=60)

    pauses = [pause_before(attempt, first=first, longest=longest) for attempt in (2, 3, 4, 5, 50)]

    for pause, least in zip(pauses, (10, 20, 40, 60, 60), strict=True):
        assert timedelta(seconds=least) <= pause <= timedelta(seconds=least * 1.5)
