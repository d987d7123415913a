"""Alerts by webhook: `{"text": …}`, as Slack, Mattermost and others take it."""

from http import HTTPStatus
from typing import Final

import orjson
from django.conf import settings

from pms_backend.operations.alerts import texts
from pms_backend.operations.alerts.digest import Message
from pms_backend.operations.alerts.sending import Refused
from pms_backend.outbound import Forbidden, PostBounds, Poster

BOUNDS: Final = PostBounds(connections=1, max_answer_bytes=1_000, connect_seconds=3.0, total_seconds=5.0)
HEADERS: Final = {"Content-Type": "application/json"}
# Answers after which the same request may succeed.
RETRIED: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})


class WebhookChannel:
    """Posts messages to ALERT_WEBHOOK_URL, which may be private: it is the operator's own."""

    name = "webhook"

    def send(self, message: Message) -> None:
        """Sends one message. Raises `Refused` for an answer that will be the same the next time."""
        try:
            poster = Poster(settings.ALERT_WEBHOOK_URL, bounds=BOUNDS, may_be_private=True)
        except Forbidden as error:
            raise Refused(error) from None
        try:
            answer = poster.post(orjson.dumps({"text": texts.text_of(message)}), HEADERS)
        finally:
            poster.close()
        if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
            return
        problem = f"it answered {answer.status}"
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status in RETRIED:
            raise ConnectionError(problem)
        raise Refused(problem)
