"""`Idempotency-Key`: which request a key names, and the answer that it had."""

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
REPLAYED_HEADER: Final = "Idempotency-Replayed"
KEY_PATTERN: Final = r"[\x20-\x7e]{1,255}"
KEPT_HOURS: Final = 24
# The headers that are part of an answer; the others are of the connection, the limits or the request.
KEPT_HEADERS: Final = ("Content-Type", "ETag", "Location", "Cache-Control", "Vary")


class IdempotencyKeyInvalid(APIException):
    """The header is no key."""

    status_code = 400
    default_code = "idempotency_key_invalid"
    default_detail = f"{KEY_HEADER} has 1 to 255 printable ASCII characters."


class IdempotencyNotSupported(APIException):
    """The answer carries a secret or a token, which is not kept."""

    status_code = 400
    default_code = "idempotency_not_supported"
    default_detail = f"This answer carries a secret, so that it is not kept: send no {KEY_HEADER}."


class IdempotencyKeyReused(Invalid):
    """The key has named another request."""

    code = "idempotency_key_reused"


class IdempotencyInProgress(Conflict):
    """The first request with the key has not ended yet."""

    code = "idempotency_in_progress"


@dataclass(frozen=True, slots=True)
class Claim:
    """A request with a key: `digest` is of client, method, path and key, `fingerprint` of what was sent."""

    digest: bytes
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it is kept."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def replay(self) -> HttpResponse:
        """The answer once more, which says that it is not the first."""
        response = HttpResponse(self.body, status=self.status)
        del response["Content-Type"]
        for name, value in {**self.headers, REPLAYED_HEADER: "true"}.items():
            response[name] = value
        return response


def claim_of(request: Request, identity: str) -> Claim:
    """What the request claims by its key. Raises `IdempotencyKeyInvalid`, and whatever an unreadable body raises."""
    key = request.headers[KEY_HEADER]
    if not re.fullmatch(KEY_PATTERN, key):
        raise IdempotencyKeyInvalid
    return Claim(_digest(identity, request.method or "", request.path, key), _fingerprint(request))


def answer_of(response: HttpResponseBase) -> Answer:
    """The answer to keep, rendered now if it was not yet."""
    if isinstance(response, SimpleTemplateResponse):
        response.render()
    if not isinstance(response, HttpResponse):
        raise TypeError("A streamed answer cannot be kept: its view sets supports_idempotency = False.")
    headers = {name: response[name] for name in KEPT_HEADERS if name in response}
    return Answer(response.status_code, headers, response.content)


def is_multipart(request: Request) -> bool:
    """Whether the body holds files: it is never in memory as a whole, and they can be read again."""
    return (request.content_type or "").lower().startswith("multipart/form-data")


def rewind_files(request: Request) -> None:
    """Lets the files of a multipart body be read from their start."""
    for _, file in _files(request):
        file.seek(0)


def _fingerprint(request: Request) -> bytes:
    if not is_multipart(request):
        return hashlib.sha256(request._request.body).digest()
    # The boundary between the parts is another one each time, so that it is the parts that are compared.
    files = [[name, file.name, file.content_type, _file_digest(file)] for name, file in _files(request)]
    fields = [[name, *request.POST.getlist(name)] for name in request.POST]
    return _digest(sorted(fields), files)


def _files(request: Request) -> Iterator[tuple[str, "UploadedFile[bytes]"]]:
    # By way of DRF's parsers, which refuse what the view does not take.
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
