"""Conditional requests (RFC 9110 §13): entity tags, `If-None-Match` of reads, `If-Match` of writes.

An ETag is `"VERSION.DIGEST"`, strong: the version of what is shown, and a digest of the answer's bytes. That of an
answer without a version, a list, is `"DIGEST"`. A read compares the whole tag, a write the version alone, so that a
sale does not spoil an edit.
"""

import hashlib
import re
from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.utils.http import parse_etags
from rest_framework.exceptions import ParseError
from rest_framework.request import Request

from pms_backend.api.response_headers import prepared, response_of

DIGEST_BYTES: Final = 16
NEVER: Final = -1
# What the bytes depend on, for caches between us and the reader.
VARIES_BY: Final = "Authorization, X-Api-Key, Cookie"
# A cache may keep it for its own user, and asks before it shows it again.
CACHE_CONTROL: Final = "private, no-cache"
_HEADERS: Final = prepared({"Cache-Control": CACHE_CONTROL, "Vary": VARIES_BY})
_HEADERS_OF_JSON: Final = prepared({"Content-Type": "application/json"})

# Django's parser leaves out what is no entity tag, and with it the condition of a write: that must not go unnoticed.
_LIST_OF_TAGS: Final = re.compile(r'[ \t,]*(?:(?:W/)?"[^"]*"[ \t]*(?:,[ \t,]*|\Z))+')
# A weak tag never matches here: it does not say that nothing has changed.
_VERSION: Final = re.compile(r'"([0-9]{1,18})(?:\..*)?"', re.ASCII)


def etag_of(body: bytes, version: int | None = None) -> str:
    """The entity tag of an answer's bytes."""
    digest = hashlib.blake2b(body, digest_size=DIGEST_BYTES).hexdigest()
    return f'"{digest}"' if version is None else f'"{version}.{digest}"'


def answer(request: Request | HttpRequest, body: bytes, etag: str, *, status: int = 200) -> HttpResponse:
    """JSON with its ETag; 304 without a body where the reader has it already."""
    # A 304 has the length of the answer that is not sent: what it says is true of that one (RFC 9110 §8.6).
    headers = {"etag": ("ETag", etag), **_HEADERS, "content-length": ("Content-Length", str(len(body)))}
    sent = request.META.get("HTTP_IF_NONE_MATCH")
    if sent is not None and request.method in ("GET", "HEAD") and _has(sent, etag):
        return response_of(b"", headers, status=304)
    return response_of(body, {**_HEADERS_OF_JSON, **headers}, status=status)


def expected_version(request: Request, current: Callable[[], int | None]) -> int | None:
    """The version that `If-Match` asks for; nothing where it asks for none, `NEVER` where no version will do.

    A service compares it under the lock. Of several versions it is the `current` one, if that is among them. Raises 400
    where the header cannot be read.
    """
    sent = request.headers.get("If-Match")
    if sent is None or sent.strip(" \t") == "*":
        return None
    if not _LIST_OF_TAGS.fullmatch(sent):
        raise ParseError('If-Match is "*" or a list of entity tags, each in double quotes.')
    versions = {int(match[1]) for tag in parse_etags(sent) if (match := _VERSION.fullmatch(tag))}
    if len(versions) <= 1:
        return versions.pop() if versions else NEVER
    now = current()
    return now if now in versions else NEVER


def _has(sent: str, etag: str) -> bool:
    """Whether `If-None-Match` names the tag, by the weak comparison."""
    return sent == etag or not {"*", etag, f"W/{etag}"}.isdisjoint(parse_etags(sent))
