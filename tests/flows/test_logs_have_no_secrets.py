"""All that a run logs, at the most talkative level, has none of the secrets and bodies that were used in it."""

import base64
import json
import os
import secrets
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Final

import httpx
import orjson
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import AuthResult
from http_message_signatures import HTTPMessageSigner, MappingKeyResolver
from http_message_signatures.algorithms import HMAC_SHA256
from standardwebhooks import Webhook
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from pms_backend.standalone.data_dir import read_json
from pms_backend.standalone.ports import free_port
from tests.access.issuer import Project, sign
from tests.flows.stack import Stack
from tests.flows.test_killed_processes import pids
from tests.outbound.servers import LocalServer, send, serving
from tests.waiting import wait_until

pytestmark = [pytest.mark.stack, pytest.mark.slow]

# In every body that is sent or answered.
MARKER: Final = "body-marker-5f2c"
MEMBERS: Final = {"time", "level", "logger", "event", "program", "request_id", "actor"}
PROGRAMS: Final = {"web", "sockets", "relay", "sync", "pms", "deliveries", "worker", "beat", "monitor"}
# The secrets of settings.
(METRICS, HOOK, MAIL, SENTRY, SUPABASE, OTLP) = OF_SETTINGS = [secrets.token_hex(20) for _ in range(6)]


@pytest.fixture
def refusing() -> Iterator[LocalServer]:
    """A server that refuses everything, and repeats what it was sent."""

    def refuse(handler: BaseHTTPRequestHandler) -> None:
        send(handler, f"{MARKER} {handler.path} {dict(handler.headers)}".encode(), 500)

    with serving(refuse, keep_alive=True) as server:
        yield server


@pytest.fixture
def mail_server() -> Iterator[int]:
    """The port of a mail server that refuses every password."""
    controller = Controller(
        Sink(), hostname="127.0.0.1", port=free_port(), auth_require_tls=False,
        authenticator=lambda *_: AuthResult(success=False, handled=False),
    )  # fmt: skip
    controller.start()
    yield controller.port
    controller.stop()


@pytest.fixture
def talkative(tmp_path: Path, refusing: LocalServer, mail_server: int) -> Iterator[Stack]:
    """A stack of its own that logs everything, as JSON, and whose channels and collector refuse what they get."""
    stack = Stack(tmp_path)
    host = f"127.0.0.1:{refusing.port}"
    stack.environment |= {
        "LOG_LEVEL": "DEBUG", "LOG_FORMAT": "json",
        "METRICS_TOKEN": METRICS,
        "ALERT_WEBHOOK_URL": f"http://{host}/services/{HOOK}",
        "EMAIL_URL": f"smtp://pms:{MAIL}@127.0.0.1:{mail_server}?from=pms@example.com&to=ada@example.com",
        "SENTRY_DSN": f"http://{SENTRY}@{host}/7",
        "SUPABASE_URL": f"http://{host}", "SUPABASE_JWT_SECRET": SUPABASE,
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{host}", "OTEL_EXPORTER_OTLP_HEADERS": f"x-key={OTLP}",
    }  # fmt: skip
    stack.start()
    yield stack
    stack.stop()


class Used:
    """What was used as a secret."""

    def __init__(self, stack: Stack) -> None:
        ready = stack.quickstart
        self.secrets = {ready["admin"]["password"], ready["api_key"].partition(".")[2], ready["pms"]["webhook_secret"]}
        self.secrets |= set(read_json(stack.data_dir / "secrets.json").values())
        self.secrets |= set(OF_SETTINGS)

    def new(self, prefix: str = "") -> str:
        """One more."""
        made = prefix + secrets.token_urlsafe(18)
        self.secrets.add(made)
        return made

    def add(self, made: str) -> str:
        """One that we were given."""
        self.secrets.add(made)
        return made


def log_in_and_out(stack: Stack, used: Used) -> None:
    """By the admin's form and for a token, with right and wrong passwords."""
    ready, base = stack.quickstart, stack.quickstart["base_url"]
    for password in (used.new(), ready["admin"]["password"]):
        given = {"username": ready["admin"]["username"], "password": password}
        with httpx.Client(base_url=base, timeout=60) as browser:
            browser.get("/admin/login/")
            csrf = browser.cookies["csrftoken"]
            browser.post("/admin/login/", data={**given, "csrfmiddlewaretoken": csrf}, headers={"Referer": base})
            typed = {"old_password": used.new(), "new_password1": used.new(), "new_password2": used.new()}
            typed["csrfmiddlewaretoken"] = browser.cookies["csrftoken"]
            browser.post("/admin/password_change/", data=typed, headers={"Referer": base})
            for cookie in browser.cookies.jar:
                used.add(str(cookie.value))
            browser.get("/admin/")
        answer = stack.http.post(f"{base}/api/v1/auth/token/", json=given)
        for token in answer.json().values() if answer.is_success else ():
            used.add(token)
            stack.http.get(f"{base}/api/v1/products/", headers={"Authorization": f"Bearer {token}x"})
            stack.http.get(f"{base}/api/v1/products/", headers={"Authorization": f"Bearer {token}"})


def call_with_tokens_of_others(stack: Stack, used: Used, refusing: LocalServer) -> None:
    """Supabase's, right and forged, and the one of /metrics, right and wrong."""
    base = stack.quickstart["base_url"]
    claims = Project().claims(iss=f"http://127.0.0.1:{refusing.port}/auth/v1")
    statuses = []
    for secret in (SUPABASE, used.new(SUPABASE)):
        token = used.add(sign(claims, secret, "HS256", kid="legacy"))
        used.add(token.rpartition(".")[2])
        answer = stack.http.get(f"{base}/api/v1/products/", headers={"Authorization": f"Bearer {token}"})
        statuses.append(answer.status_code)
    for token in (METRICS, used.new()):
        answer = stack.http.get(f"{base}/metrics", headers={"Authorization": f"Bearer {token}"})
        statuses.append(answer.status_code)
    assert statuses == [200, 401, 200, 403]


def call_the_api(stack: Stack, used: Used) -> None:
    """With keys right and wrong, an idempotency key, a body that is none, and secrets where they do not belong."""
    base, key = f"{stack.quickstart['base_url']}/api/v1", stack.quickstart["api_key"]
    stack.http.get(f"{base}/products/?api_key={key}&token={used.new()}", headers={"X-Api-Key": used.new("AbCdEfG1.")})
    stack.http.get(f"{base}/products/{key}/", headers={"Authorization": f"Api-Key {key}", "X-Request-Id": key})
    headers = {"X-Api-Key": key, "Idempotency-Key": "k-1", "Content-Type": "application/json"}
    for body in (
        f'{{"name": "{MARKER}", "variants": [{{"sku": "LOG-1"}}]}}',
        f'{{"name": "{MARKER}", ',
        f'["{MARKER}"]',
    ):
        stack.http.post(f"{base}/products/", content=body, headers=headers)


def sign_requests(stack: Stack, used: Used) -> None:
    """With a client's signing key, and with another one."""
    client = stack.call(
        "POST", "/access/clients/", json={"name": "logged", "scopes": ["inventory:write"], "signing": True}
    )
    used.add(client["api_key"].rpartition(".")[2])
    key_id = client["signing_key_id"]
    for key in (used.add(client["signing_key"]), used.new()):
        request = httpx.Request(
            "POST", f"{stack.quickstart['base_url']}/api/v1/inventory/adjustments/",
            headers={"X-Api-Key": client["api_key"]}, json={"sku": MARKER, "location": "main", "delta": 1},
        )  # fmt: skip
        HTTPMessageSigner(
            signature_algorithm=HMAC_SHA256,
            key_resolver=MappingKeyResolver(public_keys={}, private_keys={key_id: key.encode()}),
        ).sign(
            request, key_id=key_id, nonce=used.new(), body=request.content,
            covered_component_ids=("@method", "@target-uri", "content-digest"),
        )  # fmt: skip
        used.add(request.headers["Signature"])
        answer = stack.http.send(request)
        assert (answer.status_code == 401) == (key != client["signing_key"]), answer.text


def open_sockets(stack: Stack, used: Used) -> None:
    """With a ticket, twice, and with none that exists."""
    ticket = used.add(stack.call("POST", "/realtime/tickets/")["ticket"])
    for one in (ticket, ticket, used.new()):
        with suppress(WebSocketException, OSError), connect(f"{stack.quickstart['ws_url']}?ticket={one}") as socket:
            socket.send(orjson.dumps({"type": "subscribe", "skus": [MARKER]}).decode())
            socket.recv(timeout=2)


def send_webhooks(stack: Stack, used: Used) -> None:
    """Right and forged ones."""
    pms = stack.quickstart["pms"]
    stack.send("inventory.updated", {"sku": MARKER, "location": "main", "on_hand": 1}, webhook_id="logged-1")
    wrong = used.add("whsec_" + base64.b64encode(secrets.token_bytes(24)).decode())
    now, body = datetime.now(tz=UTC), f'{{"type": "inventory.updated", "data": "{MARKER}"}}'
    for signature in (Webhook(wrong).sign("logged-2", now, body), used.new("v1,")):
        signed = {
            "webhook-id": "logged-2",
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signature,
        }
        used.add(signature)
        stack.http.post(pms["webhook_url"], content=body, headers=signed)


def fail_outside(stack: Stack, used: Used, refusing: LocalServer) -> None:
    """A PMS and an endpoint that refuse what they get, with credentials in headers and URLs."""
    url = f"http://127.0.0.1:{refusing.port}"
    made = stack.call(
        "POST", "/pms/connections/",
        json={"slug": "refusing", "name": "Refusing", "base_url": url, "credentials": {"token": used.new()}},
    )  # fmt: skip
    used.add(made["secret"])
    stack.call("POST", "/pms/connections/refusing/test/")
    stack.call("POST", "/pms/connections/refusing/sync/", json={"mode": "full"})
    endpoint = stack.call(
        "POST", "/webhooks/endpoints/",
        json={
            "url": f"{url}/{MARKER}?token={used.new()}", "event_types": ["*"],
            "headers": {"Authorization": f"Bearer {used.new()}", "X-Shop": used.new()},
        },
    )  # fmt: skip
    used.add(endpoint["secret"])
    stack.call("POST", f"/webhooks/endpoints/{endpoint['id']}/test/")
    asked = f"/{MARKER}?", "/api/7/", "/v1/traces"
    wait_until(lambda: all(any(path.startswith(one) for path in refusing.paths) for one in asked), f"{asked}")
    wait_until(lambda: "GET" in {one.method for one in refusing.received}, "a call of the PMS")


def fail_an_alert(stack: Stack) -> None:
    """One that no channel takes."""
    os.kill(pids(stack)["relay"], signal.SIGKILL)
    told = [f"sent again by {channel}" for channel in ("webhook", "e-mail")]
    wait_until(lambda: all(text in stack.log.read_text() for text in told), f"{told}")


def entries(stack: Stack) -> list[dict[str, Any]]:
    """The lines of the programs, without the supervisor's own; each has the program's name in front."""
    parts = (line.partition("|") for line in stack.log.read_text().splitlines())
    return [json.loads(line) for name, _, line in parts if name.strip() in PROGRAMS]


def test_no_line_has_a_secret_or_a_body(talkative: Stack, refusing: LocalServer) -> None:
    used = Used(talkative)

    log_in_and_out(talkative, used)
    call_with_tokens_of_others(talkative, used, refusing)
    call_the_api(talkative, used)
    sign_requests(talkative, used)
    open_sockets(talkative, used)
    send_webhooks(talkative, used)
    fail_an_alert(talkative)
    fail_outside(talkative, used, refusing)
    time.sleep(3)

    log = talkative.log.read_text()
    assert [secret for secret in used.secrets if secret in log] == []
    assert [line for line in log.splitlines() if MARKER in line] == []
    logged = entries(talkative)
    assert len(logged) > 100
    assert [entry for entry in logged if not entry.keys() >= MEMBERS] == []
    assert {entry["program"] for entry in logged} >= PROGRAMS
    loggers = {entry["logger"] for entry in logged}
    assert {"pms.requests", "pms.sockets", "pms.tasks"} <= loggers
