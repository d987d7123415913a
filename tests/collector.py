"""An OpenTelemetry collector for tests: takes traces over OTLP/HTTP, and remembers their spans."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from tests.outbound.servers import LocalServer, saying


@dataclass(frozen=True)
class SentSpan:
    """A span as the collector got it; `program` and `service` are from its resource."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: int
    is_failed: bool
    program: str
    service: str
    attributes: Mapping[str, str | int]


class Collector(LocalServer):
    """Answers every export with success."""

    def __init__(self) -> None:
        super().__init__(saying(ExportTraceServiceResponse().SerializeToString()))

    def spans(self) -> Sequence[SentSpan]:
        """All spans until now."""
        return [span for request in self.received if request.path == "/v1/traces" for span in _spans_of(request.body)]


def _spans_of(body: bytes) -> list[SentSpan]:
    return [
        SentSpan(
            trace_id=span.trace_id.hex(),
            span_id=span.span_id.hex(),
            parent_id=span.parent_span_id.hex(),
            name=span.name,
            kind=span.kind,
            is_failed=span.status.code == Status.STATUS_CODE_ERROR,
            program=_values(of_resource.resource.attributes)["pms.program"],
            service=_values(of_resource.resource.attributes)["service.name"],
            attributes=_values(span.attributes),
        )
        for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for of_scope in of_resource.scope_spans
        for span in of_scope.spans
    ]


def _values(attributes) -> dict[str, str | int]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}
