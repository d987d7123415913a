"""`POST /api/v1/webhooks/pms/{slug}/`: receives the webhooks of a PMS."""

from typing import Any, Final

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import APIException, ParseError
from rest_framework.request import Request

from pms_backend import metrics
from pms_backend.access.request_middleware import exempt_verified, limit_by_connection, run_with_limit
from pms_backend.api import serializers
from pms_backend.api.endpoints import APIView
from pms_backend.api.exceptions import NotFound
from pms_backend.api.parsers import InvalidJSON, RawParser
from pms_backend.api.renderers import json_response
from pms_backend.api.request_headers import RequestHeaders
from pms_integration import services
from pms_integration.connectors.contract import HandshakeResponse
from pms_integration.exceptions import SignatureInvalid, SignatureMissing, SignatureStale
from pms_integration.models import PMSEventStatus
from pms_integration.services import WebhookRefusal

MAX_BODY_BYTES = 5 * 1024 * 1024


class BodyTooLarge(APIException):
    """The body is larger than `MAX_BODY_BYTES`."""

    status_code = 413
    default_code = "too_large"
    default_detail = f"A webhook has at most {MAX_BODY_BYTES} bytes."


_REASONS: Final = {
    BodyTooLarge: WebhookRefusal.TOO_LARGE,
    SignatureInvalid: WebhookRefusal.WRONG_SIGNATURE,
    SignatureMissing: WebhookRefusal.NO_SIGNATURE,
    SignatureStale: WebhookRefusal.STALE,
    InvalidJSON: WebhookRefusal.NOT_JSON,
}


class ReceiptSerializer(serializers.Serializer[Any]):
    """A webhook is here, and will take effect once."""

    id = serializers.CharField(help_text="The webhook-id")
    status = serializers.ChoiceField(choices=PMSEventStatus.choices)
    duplicate = serializers.BooleanField(required=False)


class PMSWebhookView(APIView):
    """The inbound webhook of a connection; its signature is its authentication.

    A webhook that verifies is never refused for its rate; `AddressThrottleMiddleware` limits the others.
    """

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    # The signature covers the raw bytes, whatever the content type.
    parser_classes = (RawParser,)

    @extend_schema(
        request={"application/json": {"type": "object", "additionalProperties": {}}},
        responses={202: ReceiptSerializer, 200: OpenApiResponse(ReceiptSerializer, "it was here already")},
        auth=[],
    )
    def post(self, request: Request, slug: str) -> HttpResponse:
        """Verifies the signature over the raw bytes and stores them; the rest is the worker's."""
        try:
            found = services.receive_webhook(slug=slug, headers=RequestHeaders(request.META), body=read_body(request))
        except (BodyTooLarge, SignatureInvalid, InvalidJSON) as error:
            reason = _REASONS.get(type(error), WebhookRefusal.WRONG_SIGNATURE)
            if isinstance(error, InvalidJSON):
                metrics.webhooks_total.labels(slug, reason.value).inc()
                services.count_refused_webhook(slug=slug, reason=reason)
                exempt_verified(request._request)
                raise ParseError(f"The body {error}.") from None
            commands = services.commands_to_count(slug=slug, reason=reason)
            metrics.webhooks_total.labels(slug if commands else metrics.OTHER, reason.value).inc()
            run_with_limit(request._request, commands)
            if isinstance(error, SignatureInvalid):
                limit_by_connection(request._request, slug)
            raise
        except NotFound:
            metrics.webhooks_total.labels(metrics.OTHER, "unknown_connection").inc()
            raise
        if isinstance(found, HandshakeResponse):
            metrics.webhooks_total.labels(slug, "handshake").inc()
            limit_by_connection(request._request, slug)
            return HttpResponse(found.body, status=found.status)
        metrics.webhooks_total.labels(slug, "duplicate" if found.is_duplicate else "accepted").inc()
        exempt_verified(request._request)
        return response_of(found)


def read_body(request: Request) -> bytes:
    """The raw bytes. Raises `BodyTooLarge`."""
    body: bytes = request._request.read(MAX_BODY_BYTES + 1)
    if len(body) > MAX_BODY_BYTES:
        raise BodyTooLarge
    return body


def response_of(receipt: services.Receipt) -> HttpResponse:
    """The members of `ReceiptSerializer`."""
    answer: dict[str, Any] = {"id": receipt.webhook_id, "status": receipt.status}
    if receipt.is_duplicate:
        answer["duplicate"] = True
    return json_response(answer, status=200 if receipt.is_duplicate else 202)
