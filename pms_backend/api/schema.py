"""OpenAPI 3.1: headers, problems and schemas that all endpoints share."""

from typing import Any, Final, Literal

from drf_spectacular.openapi import AutoSchema as SpectacularSchema
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse

from pms_backend.api import serializers
from pms_backend.api.endpoints import IdempotencyMixin
from pms_backend.api.idempotency import KEY_HEADER, KEY_PATTERN, REPLAYED_HEADER, STORED_HOURS
from pms_backend.api.parsers import MergePatchParser
from pms_backend.api.problems import PROBLEM_CONTENT_TYPE
from pms_backend.api.schema_examples import examples_of
from pms_backend.api.schema_texts import PARAMETERS, summary_of, tag_of


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
_ON_WRITE = {409: "state conflict", 413: "too large", 415: "not JSON", 507: "no space left on the server's disk"}


_ID_PATTERN: Final = "^[0-9]{1,18}$"
_ID: Final = {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}

_KEY: Final = OpenApiParameter(
    KEY_HEADER,
    {"type": "string", "pattern": f"^{KEY_PATTERN}$"},
    OpenApiParameter.HEADER,
    description=(
        f"Names this request for {STORED_HOURS} hours: sent again with the same body it gets the first success's "
        f"answer (`{REPLAYED_HEADER}: true`) and takes no effect again; with another body it is 422 "
        "`idempotency_key_reused`; while the first is still at work it waits, then is 409 `idempotency_in_progress`. A "
        "refused request may be tried again with its key."
    ),
)
_REPLAYED: Final = OpenApiParameter(
    REPLAYED_HEADER,
    {"type": "string", "const": "true"},
    OpenApiParameter.HEADER,
    description="The first answer once more",
    response=[200, 201, 202, 204],
)


_IF_NONE_MATCH: Final = OpenApiParameter(
    "If-None-Match",
    {"type": "string"},
    OpenApiParameter.HEADER,
    description="ETags of answers that the caller has: 304 without a body if this would be one of them",
)
_IF_MATCH: Final = OpenApiParameter(
    "If-Match",
    {"type": "string"},
    OpenApiParameter.HEADER,
    description=(
        'The ETag, or `"VERSION"`, of what the caller has seen: 412 `version_conflict`, and nothing is written, if the '
        "version is another by now. The digest after the dot is not compared."
    ),
)
_ETAG: Final = OpenApiParameter(
    "ETag",
    {"type": "string"},
    OpenApiParameter.HEADER,
    description='`"VERSION.DIGEST"`, of a list `"DIGEST"`: strong',
    response=[200, 201, 304],
)


class AutoSchema(SpectacularSchema):
    """Adds what our base classes do: problems, `Idempotency-Key`, conditional requests.

    A view names its own problems in `may_answer` (status → description), the actions that return an ETag in
    `has_etag`, those that compare one in `takes_if_match`.
    """

    def get_tags(self) -> list[str]:
        """The tag of the resource, and no other."""
        return [tag_of(self._words_of_path())]

    def get_summary(self) -> str:
        """What the operation does, in a line."""
        is_list = self.method == "GET" and self._is_list_view()
        action = "list" if is_list else self.method_mapping[self.method.lower()]
        return summary_of(
            self.get_operation_id(), self._words_of_path(), action=getattr(self.view, "action", None) or action
        )

    def get_examples(self) -> list[OpenApiExample]:
        """Those of the app's `api_examples`."""
        return examples_of(self.get_operation_id())

    def get_serializer_name(self, serializer: Any, direction: Literal["request", "response"]) -> str:
        """The serializer's name. `Request` is appended to that of a request, and would stand there twice."""
        name: str = super().get_serializer_name(serializer, direction)
        return name.replace("RequestSerializer", "Serializer") if direction == "request" else name

    def map_parsers(self) -> list[Any]:
        """The media types of a body; a merge patch is one of PATCH alone."""
        media_types: list[Any] = super().map_parsers()
        return [one for one in media_types if self.method == "PATCH" or one != MergePatchParser.media_type]

    def _map_basic_serializer(self, serializer: Any, direction: Literal["request", "response"]) -> dict[str, Any]:
        """In a response a row has all its fields, though a request may leave out those that have a default.

        A serializer names in `may_leave_out` the fields that a response may lack.
        """
        schema: dict[str, Any] = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        is_row = isinstance(serializer, serializers.ModelSerializer)
        left_out = getattr(serializer, "may_leave_out", () if is_row else None)
        if direction == "response" and left_out is not None:
            schema["required"] = sorted(set(schema["properties"]) - set(left_out))
        return schema

    def _get_parameters(self) -> list[dict[str, Any]]:
        parameters: list[dict[str, Any]] = super()._get_parameters()
        for parameter in parameters:
            schema = parameter["schema"]
            if parameter["in"] == "query" and parameter["name"] in PARAMETERS:
                parameter.setdefault("description", PARAMETERS[parameter["name"]])
            if schema.get("pattern") == _ID_PATTERN:
                # As in bodies, so that a client's types fit together.
                parameter["schema"] = _ID
            elif isinstance(schema.get("type"), list):
                # A column may be null, a parameter cannot.
                parameter["schema"] = {**schema, "type": schema["type"][0]}
        return parameters

    def _words_of_path(self) -> list[str]:
        """The words below `/api/v1/`, without parameters."""
        _version, *words = self._tokenize_path()
        return words

    def get_override_parameters(self) -> list[Any]:
        """The headers of conditional requests, and of every POST that accepts an `Idempotency-Key`."""
        accepts_key = isinstance(self.view, IdempotencyMixin) and self.view.accepts_idempotency_key(self.method)
        wanted: list[Any] = [_KEY, _REPLAYED] if accepts_key else []
        wanted += [_ETAG] if self._is_in("has_etag") else []
        wanted += [_IF_NONE_MATCH] if self._may_be_unchanged() else []
        return wanted + ([_IF_MATCH] if self._is_in("takes_if_match") else [])

    def _is_in(self, name: str) -> bool:
        return getattr(self.view, "action", None) in getattr(self.view, name, ())

    def _may_be_unchanged(self) -> bool:
        return self.method == "GET" and self._is_in("has_etag")

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        statuses = {**_ALWAYS, 422: "not valid", 406: "no such content type"}
        statuses |= getattr(self.view, "may_answer", {})
        if "{" in self.path:
            statuses |= _ON_ONE
        if self.method not in ("GET", "HEAD"):
            statuses |= _ON_WRITE | _ON_ONE
        if self._is_in("takes_if_match"):
            statuses |= {412: "not the version that If-Match names"}
        if self._may_be_unchanged():
            bodies["304"] = self._get_response_for_code(  # type: ignore[no-untyped-call]
                OpenApiResponse(description="what the caller has already"), "304"
            )
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
