"""`Idempotency-Key`: the request that a key names, and its stored response (ADR 0008)."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import orjson
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import SimpleTemplateResponse
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from pms_backend.api.exceptions import Conflict, Invalid

KEY_HEADER: Final = "Idempotency-Key"
# Its name in `request.META`.
KEY_VARIABLE: Final = "HTTP_IDEMPOTENCY_KEY"
REPLAYED_HEADER: Final = "Idempotency-Replayed"
KEY_PATTERN: Final = r"[\x20-\x7e]{1,255}"
STORED_HOURS: Final = 24
# The headers that are stored; the others belong to the connection, the rate limits or the single request.
STORED_HEADERS: Final = ("Content-Type", "ETag", "Location", "Cache-Control", "Vary")


class IdempotencyKeyInvalid(APIException):
    """The header is not a valid key."""

    status_code = 400
    default_code = "idempotency_key_invalid"
    default_detail = f"{KEY_HEADER} has 1 to 255 printable ASCII characters."


class IdempotencyNotSupported(APIException):
    """The response carries a secret or a token, which is never stored."""

    status_code = 400
    default_code = "idempotency_not_supported"
    default_detail = f"This answer carries a secret, so that it is not kept: send no {KEY_HEADER}."


class IdempotencyKeyReused(Invalid, code="idempotency_key_reused"):
    """The key was used before with another body."""


class IdempotencyInProgress(Conflict, code="idempotency_in_progress"):
    """The first request with the key has not ended yet."""


@dataclass(frozen=True, slots=True)
class IdempotentRequest:
    """A request with a key: `digest` is of client, method, path and key, `fingerprint` of the body."""

    digest: bytes
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """The response to the first request with a key, as it is stored."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def replay(self) -> HttpResponse:
        """The same response again, marked by `Idempotency-Replayed`."""
        response = HttpResponse(self.body, status=self.status)
        del response["Content-Type"]
        for name, value in {**self.headers, REPLAYED_HEADER: "true"}.items():
            response[name] = value
        return response


def idempotent_request(request: Request, identity: str) -> IdempotentRequest:
    """The digest and the fingerprint of a request that has a key, sent by the client `identity`.

    Raises `IdempotencyKeyInvalid`, and whatever an unreadable body raises.
    """
    key = request.headers[KEY_HEADER]
    if not re.fullmatch(KEY_PATTERN, key):
        raise IdempotencyKeyInvalid
    return IdempotentRequest(_digest(identity, request.method or "", request.path, key), _fingerprint(request))


def stored_response(response: HttpResponseBase) -> StoredResponse:
    """The response in the form that is stored; renders it if it is not rendered yet. Raises TypeError for a stream."""
    if isinstance(response, SimpleTemplateResponse):
        response.render()
    if not isinstance(response, HttpResponse):
        raise TypeError("A streamed response cannot be stored: its view must set supports_idempotency = False.")
    headers = {name: response[name] for name in STORED_HEADERS if name in response}
    return StoredResponse(response.status_code, headers, response.content)


def is_multipart(request: Request) -> bool:
    """Whether the body may hold files: those are spooled, so that they can be read a second time."""
    return (request.content_type or "").lower().startswith("multipart/form-data")


def rewind_files(request: Request) -> None:
    """Sets the files of a multipart body back to their start."""
    for _, file in _files(request):
        file.seek(0)


def _fingerprint(request: Request) -> bytes:
    if not is_multipart(request):
        return hashlib.sha256(request._request.body).digest()
    # The boundary between the parts differs each time, so the fingerprint is of the parts.
    files = [[name, file.name, file.content_type, _file_digest(file)] for name, file in _files(request)]
    fields = [[name, *request.POST.getlist(name)] for name in request.POST]
    return _digest(sorted(fields), files)


def _files(request: Request) -> Iterator[tuple[str, "UploadedFile[bytes]"]]:
    # request.FILES calls DRF's parsers, which refuse a body that the view does not accept.
    for name in sorted(request.FILES):
        for file in request.FILES.getlist(name):
            yield name, file


def _file_digest(file: "UploadedFile[bytes]") -> str:
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    return digest.hexdigest()


def _digest(*parts: object) -> bytes:
    return hashlib.sha256(orjson.dumps(parts)).digest()
