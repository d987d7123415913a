"""OpenAPI 3.1 of what the endpoints really answer."""

from typing import Any, Literal

from drf_spectacular.openapi import AutoSchema as SpectacularSchema
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

from pms_backend.api.exceptions import PROBLEM_CONTENT_TYPE


class FieldErrorSerializer(serializers.Serializer[Any]):
    """One thing wrong with the input."""

    pointer = serializers.CharField(help_text="RFC 6901 pointer into the input")
    code = serializers.CharField()
    detail = serializers.CharField()


class ProblemSerializer(serializers.Serializer[Any]):
    """An RFC 9457 problem."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField(help_text="Stable, for programs")
    request_id = serializers.CharField()
    errors = FieldErrorSerializer(many=True)  # type: ignore[assignment]  # the member's name, by contract


_ALWAYS = {400: "malformed", 401: "not authenticated", 403: "lacks the scope", 429: "rate limited", 503: "unavailable"}
_ON_ONE = {404: "not found"}
_ON_WRITE = {409: "state conflict", 413: "too large", 415: "not JSON"}


class AutoSchema(SpectacularSchema):
    """Adds to every operation the problems that it may answer, as `application/problem+json`."""

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        statuses = {**_ALWAYS, 422: "not valid", 406: "no such content type"}
        if "{" in self.path:
            statuses |= _ON_ONE
        if self.method not in ("GET", "HEAD"):
            statuses |= _ON_WRITE | _ON_ONE
        for status, what in statuses.items():
            if str(status) not in bodies:
                answer = OpenApiResponse(ProblemSerializer, description=what)
                bodies[str(status)] = self._get_response_for_code(  # type: ignore[no-untyped-call]
                    answer, str(status), [PROBLEM_CONTENT_TYPE]
                )
        return bodies


class BulkResultSerializer(serializers.Serializer[Any]):
    """What became of one row of a bulk."""

    index = serializers.IntegerField()
    status = serializers.ChoiceField(choices=["created", "updated", "unchanged", "applied", "rejected"])
    id = serializers.IntegerField(required=False)
    sku = serializers.CharField(required=False)
    errors = FieldErrorSerializer(many=True)  # type: ignore[assignment]  # the member's name, by contract


class BulkAnswerSerializer(serializers.Serializer[Any]):
    """What became of a bulk: its rows, and how many came to what."""

    results = BulkResultSerializer(many=True)
    summary = serializers.DictField(child=serializers.IntegerField())
