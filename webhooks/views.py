"""`POST /api/v1/webhooks/pms/{slug}/`: receives the webhooks of a PMS."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import APIException, NotFound, ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from pms_backend.access.throttling import count_unverified
from pms_backend.api import serializers
from pms_backend.api.endpoints import APIView
from pms_backend.api.parsers import InvalidJSON, RawParser, load_signed_json
from pms_integration import services
from pms_integration.connectors import connector_of
from pms_integration.connectors.contract import MAX_WEBHOOK_ID_LENGTH
from pms_integration.exceptions import ConnectorMissing, SignatureInvalid
from pms_integration.models import PMSConnection, PMSEventStatus

MAX_BODY_BYTES = 5 * 1024 * 1024


class BodyTooLarge(APIException):
    """The body is larger than `MAX_BODY_BYTES`."""

    status_code = 413
    default_code = "too_large"
    default_detail = f"A webhook has at most {MAX_BODY_BYTES} bytes."


class ReceiptSerializer(serializers.Serializer[Any]):
    """A webhook is here, and will take effect once."""

    id = serializers.CharField(help_text="The webhook-id")
    status = serializers.ChoiceField(choices=PMSEventStatus.choices)
    duplicate = serializers.BooleanField(required=False)


class PMSWebhookView(APIView):
    """The inbound webhook of a connection; its signature is its authentication.

    A webhook that verifies is never refused for its rate: the PMS would count that as a failed delivery, and in the end
    delete its subscription.
    """

    authentication_classes = ()
    permission_classes = ()
    # The signature covers the raw bytes, whatever the content type.
    parser_classes = (RawParser,)

    @extend_schema(
        request={"application/json": {"type": "object"}},
        responses={202: ReceiptSerializer, 200: OpenApiResponse(ReceiptSerializer, "it was here already")},
        auth=[],
    )
    def post(self, request: Request, slug: str) -> HttpResponse:
        """Verifies the signature over the raw bytes and stores them; the rest is the worker's."""
        connection = PMSConnection.objects.filter(slug=slug, is_active=True).first()
        if connection is None:
            count_unverified(request._request, slug)
            raise NotFound(f"There is no connection {slug}.")
        body = read_body(request)
        try:
            connector = connector_of(connection.kind)
        except ConnectorMissing:
            count_unverified(request._request, slug)
            raise
        if (answer := connector.handshake(request.headers, body)) is not None:
            count_unverified(request._request, slug)
            return HttpResponse(answer.body, status=answer.status)
        try:
            webhook_id = require_id(connector.verify(request.headers, body, connection.secrets))
        except SignatureInvalid:
            count_unverified(request._request, slug)
            raise
        message = parse_object(body)
        status, duplicate = services.receive_event(
            connection=connection,
            webhook_id=webhook_id,
            type=connector.type_of(request.headers, message),
            headers={name: request.headers[name] for name in connector.stored_headers if name in request.headers},
            body=body,
        )
        if duplicate:
            return Response({"id": webhook_id, "status": status, "duplicate": True})
        return Response({"id": webhook_id, "status": status}, status=202)


def require_id(webhook_id: str) -> str:
    """The id, if it can be stored. Raises `SignatureInvalid`."""
    if not 1 <= len(webhook_id) <= MAX_WEBHOOK_ID_LENGTH or not webhook_id.isprintable():
        raise SignatureInvalid("The webhook has no id, or one that cannot be stored.")
    return webhook_id


def read_body(request: Request) -> bytes:
    """The raw bytes. Raises `BodyTooLarge`."""
    body: bytes = request._request.read(MAX_BODY_BYTES + 1)
    if len(body) > MAX_BODY_BYTES:
        raise BodyTooLarge
    return body


def parse_object(body: bytes) -> dict[str, Any]:
    """The body as a JSON object. Raises `ParseError`."""
    try:
        message = load_signed_json(body)
    except InvalidJSON as error:
        raise ParseError(f"The body {error}.") from None
    if not isinstance(message, dict):
        raise ParseError("The body is no JSON object.")
    return message
