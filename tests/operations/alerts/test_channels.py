"""Messages reach a webhook and a mail server, are tried again where that helps, and never delay anybody."""

import email
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email import policy
from typing import Any

import orjson
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as MessageHandler

from pms_backend import env
from pms_backend.operations.alerts import sending
from pms_backend.operations.alerts.channels import channels
from pms_backend.operations.alerts.digest import Message, Opening
from pms_backend.operations.alerts.email_channel import EmailChannel
from pms_backend.operations.alerts.sending import Refused, Sender
from pms_backend.operations.alerts.tracker import TrackedAlert
from pms_backend.operations.alerts.webhook_channel import WebhookChannel
from pms_backend.standalone.ports import free_port
from tests.operations.alerts.timeline import DOWN, at
from tests.outbound.servers import LocalServer, hanging_up, saying, send, serving
from tests.waiting import wait_until

MESSAGE = Message([Opening(TrackedAlert(("redis", ""), DOWN, began_at=at(0), is_open=True))])
TEXT = (
    "[pms.example.com] alert: redis\n"
    "ALERT redis: Redis has failed, since 2026-11-29 14:00:00 UTC: it does not answer. "
    "See docs/operations.md, section “Alert: redis”."
)


@pytest.fixture(autouse=True)
def _site(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["pms.example.com"]


@contextmanager
def webhook(settings: Any, respond: Any) -> Iterator[LocalServer]:
    with serving(respond) as server:
        settings.ALERT_WEBHOOK_URL = f"http://127.0.0.1:{server.port}/services/T0/secret?thread=1"
        yield server


def test_a_webhook_gets_the_text_as_json_although_its_address_is_private(settings: Any):
    with webhook(settings, saying(b"ok")) as server:
        WebhookChannel().send(MESSAGE)

    (request,) = server.received
    assert (request.method, request.path) == ("POST", "/services/T0/secret?thread=1")
    assert request.headers["content-type"] == "application/json"
    assert orjson.loads(request.body) == {"text": TEXT}


@pytest.mark.parametrize("status", [301, 400, 404, 410])
def test_a_webhook_that_refuses_is_not_asked_again(settings: Any, status: int):
    with webhook(settings, saying(b"no", status)), pytest.raises(Refused, match=f"it answered {status}"):
        WebhookChannel().send(MESSAGE)


@pytest.mark.parametrize("respond", [saying(b"", 500), saying(b"", 429), hanging_up], ids=["500", "429", "none"])
def test_a_webhook_that_does_not_work_now_is_asked_again(settings: Any, respond: Any):
    with webhook(settings, respond), pytest.raises(Exception) as caught:
        WebhookChannel().send(MESSAGE)

    assert not isinstance(caught.value, Refused)


class Mailbox(MessageHandler):
    """Keeps what comes."""

    def __init__(self) -> None:
        super().__init__()
        self.received: list[Any] = []

    def prepare_message(self, session: Any, envelope: Any) -> Any:
        self.received.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return super().prepare_message(session, envelope)

    def handle_message(self, message: Any) -> None: ...


def test_an_email_goes_to_all_recipients(settings: Any, monkeypatch: pytest.MonkeyPatch):
    mailbox = Mailbox()
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        port = controller.port
        monkeypatch.setenv(
            "EMAIL_URL", f"smtp://127.0.0.1:{port}?from=pms@example.com&to=ada@example.com,ben@example.com"
        )
        server = env.mail_server("EMAIL_URL")
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.host, server.port
        settings.ALERT_EMAIL_TO, settings.DEFAULT_FROM_EMAIL = list(server.recipients), server.sender

        EmailChannel().send(MESSAGE)
    finally:
        controller.stop()

    ((sender, recipients, content),) = mailbox.received
    mail = email.message_from_bytes(content, policy=policy.default)
    assert (sender, recipients) == ("pms@example.com", ["ada@example.com", "ben@example.com"])
    assert mail["Subject"] == "[pms.example.com] alert: redis"
    assert mail.get_content().splitlines() == TEXT.splitlines()


def test_only_channels_that_are_set_are_used(settings: Any):
    settings.ALERT_WEBHOOK_URL, settings.EMAIL_HOST, settings.SENTRY_DSN = "", "", ""
    assert channels() == []

    settings.ALERT_WEBHOOK_URL, settings.EMAIL_HOST = "https://hooks.example.com/x", "mail.example.com"
    settings.SENTRY_DSN = "https://key@sentry.example.com/1"
    assert [channel.name for channel in channels()] == ["webhook", "e-mail", "Sentry"]


@pytest.fixture
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "pause_before", lambda *_, **__: sending.FIRST_PAUSE * 0)


@pytest.mark.usefixtures("_without_pauses")
def test_a_message_is_sent_again_until_it_is_accepted(settings: Any):
    answers = iter([503, 429] * 10 + [200])
    with webhook(settings, lambda handler: send(handler, b"", next(answers))) as server:
        sender = Sender(WebhookChannel())
        sender.put(MESSAGE)
        wait_until(lambda: len(server.received) == 21)
        sender.stop()

    assert len({request.body for request in server.received}) == 1


def test_a_message_that_is_refused_is_left_out_with_an_error(settings: Any, caplog: Any):
    answers = iter([404, 200])
    with webhook(settings, lambda handler: send(handler, b"", next(answers))) as server:
        sender = Sender(WebhookChannel())
        sender.put(MESSAGE)
        sender.put(MESSAGE)
        wait_until(lambda: len(server.received) == 2)
        sender.stop()

    assert "An alert could not be sent by webhook: it answered 404" in caplog.text
    assert "secret" not in caplog.text


def test_a_monitor_that_stops_tries_what_waits_once_more(settings: Any, caplog: Any):
    with webhook(settings, saying(b"", 500)) as server:
        sender = Sender(WebhookChannel())
        sender.put(MESSAGE)
        wait_until(lambda: len(server.received) == 1)
        sender.stop()

    assert len(server.received) == 2
    assert "An alert could not be sent by webhook: it answered 500" in caplog.text


class Hanging:
    """A channel that does not end until it is let go."""

    name = "hanging"

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.sent: list[Message] = []

    def send(self, message: Message) -> None:
        self.let_go.wait()
        self.sent.append(message)


def test_a_channel_that_hangs_delays_nobody(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sending, "LAST_SECONDS", 0.05)
    channel = Hanging()
    sender = Sender(channel)
    began = time.monotonic()

    for _ in range(3):
        sender.put(MESSAGE)
    sender.stop()

    assert channel.sent == []
    assert time.monotonic() - began < 60
    channel.let_go.set()
    wait_until(lambda: len(channel.sent) == 3)
