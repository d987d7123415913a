"""Requests, answers and refusals."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

MAX_QUERY_PARAMETERS: Final = 300


class Refusal(Exception):
    """The request is refused and has changed nothing."""

    def __init__(
        self, status: int, code: str, detail: str, *, headers: Mapping[str, str] | None = None, **members: Any
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = headers or {}
        self.body = {"code": code, "detail": detail, **members}


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back; `body` is JSON."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came."""

    method: str
    target: str
    headers: Message
    body: bytes

    @property
    def segments(self) -> tuple[str, ...]:
        """The parts of the path, decoded; none for the root."""
        path = self.target.partition("?")[0].strip("/")
        return tuple(unquote(segment) for segment in path.split("/")) if path else ()

    @property
    def query(self) -> list[tuple[str, str]]:
        """The parameters."""
        try:
            return parse_qsl(self.target.partition("?")[2], keep_blank_values=True, max_num_fields=MAX_QUERY_PARAMETERS)
        except ValueError:
            raise Refusal(400, "invalid_query", f"It has more than {MAX_QUERY_PARAMETERS} parameters.") from None

    def parameter(self, name: str) -> str | None:
        """The first value of a parameter."""
        return next((value for key, value in self.query if key == name), None)

    def json_object(self) -> dict[str, Any]:
        """The body. Every whole number keeps its digits."""
        try:
            value = json.loads(self.body, parse_constant=_refuse, parse_float=_finite)
            json.dumps(value, ensure_ascii=False).encode()  # half of a surrogate pair fails here
        except (ValueError, RecursionError):
            raise Refusal(400, "malformed_json", "The body is not JSON in UTF-8.") from None
        if not isinstance(value, dict):
            raise Refusal(400, "malformed_json", "The body is no JSON object.")
        return value


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON.")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"{text} is too large.")
    return number


Handler = Callable[..., Answer]
# A path as its segments, `*` for any, and the handler of each method.
Routes = Mapping[tuple[str, ...], Mapping[str, Handler]]


def find_handler(routes: Routes, request: Request) -> tuple[Handler, list[str]]:
    """The handler of a request, and the segments that stand for `*`. Raises `Refusal`."""
    segments = request.segments
    for pattern, methods in routes.items():
        if len(pattern) == len(segments) and all(one in ("*", two) for one, two in zip(pattern, segments, strict=True)):
            if request.method not in methods:
                allow = {"Allow": ", ".join(methods)}
                raise Refusal(405, "method_not_allowed", f"{request.method} is not possible here.", headers=allow)
            return methods[request.method], [two for one, two in zip(pattern, segments, strict=True) if one == "*"]
    raise Refusal(404, "not_found", "There is nothing at this address.")
