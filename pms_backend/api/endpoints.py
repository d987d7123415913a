"""The base classes of every API view: a write and what belongs to it are one transaction."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from django.db.models import Model
from django.http.response import HttpResponseBase
from rest_framework import generics, views, viewsets
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from pms_backend.api import services
from pms_backend.api.idempotency import (
    KEY_HEADER,
    Claim,
    IdempotencyNotSupported,
    answer_of,
    claim_of,
    is_multipart,
    rewind_files,
)
from pms_backend.api.transactions import first_in_write, retried_atomic

Handler = Callable[..., HttpResponseBase]
Row = TypeVar("Row", bound=Model)


class _Refused(Exception):
    """Takes an answer that is no success out of the transaction, which is rolled back."""

    def __init__(self, response: HttpResponseBase) -> None:
        super().__init__(response.status_code)
        self.response = response


class IdempotencyMixin(views.APIView):
    """Keeps the answer of a POST with an `Idempotency-Key`, in the transaction of what the services do.

    `supports_idempotency` is False where the answer carries a secret or a token; by action, where only some do. With
    `only_reads` a POST asks what does not fit into an address: it counts as a read, and a key is ignored, since an
    answer that was kept would be an old one.
    """

    supports_idempotency: bool | Mapping[str, bool] = True
    only_reads = False
    _prepared: tuple[Any, Exception | None] = (None, None)

    @property
    def default_response_headers(self) -> dict[str, str]:
        """DRF's, among them `Allow`, only where they answer something: with 405, and to OPTIONS."""
        method = (self.request.method or "").lower()
        if method != "options" and method in self.http_method_names and hasattr(self, method):
            return {"Vary": "Accept"} if len(self.renderer_classes) > 1 else {}
        headers: dict[str, str] = super().default_response_headers
        return headers

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """DRF's checks; then, only where there is something to be written first, the handler is wrapped.

        So a write without a key costs nothing more.
        """
        super().initial(request, *args, **kwargs)
        method = (request.method or "").lower()
        if request.method in SAFE_METHODS or method not in self.http_method_names:
            return
        claim = self._claim(request)
        try:
            self._prepared = self.prepare(request, **kwargs), None
        except Exception as error:
            self._prepared = None, error
        if claim is not None or first_in_write(request._request):
            handler = getattr(self, method, self.http_method_not_allowed)
            setattr(self, method, partial(self._write, handler, claim))

    def prepare(self, request: Request, **kwargs: Any) -> Any:
        """What the handler of a write needs that has no place in its transaction: slow work, calls to elsewhere.

        It runs after every check and before the transaction, once, however often that is tried; the handler asks for it
        with `prepared()`.
        """
        return None

    def prepared(self) -> Any:
        """What `prepare` returned, or raised: it comes out in the handler, so that a replayed answer comes first."""
        result, error = self._prepared
        if error is not None:
            raise error
        return result

    def takes_idempotency_key(self, method: str) -> bool:
        """Whether a request of this method may have a key; it is ignored where nobody is known who could own it."""
        takes = method == "POST" and not self.only_reads
        return takes and bool(self.authentication_classes) and self._keeps_answers()

    def _keeps_answers(self) -> bool:
        supported = self.supports_idempotency
        if isinstance(supported, Mapping):
            return supported.get(getattr(self, "action", None) or "", True)
        return supported

    def _claim(self, request: Request) -> Claim | None:
        if request.method != "POST" or self.only_reads or KEY_HEADER not in request.headers:
            return None
        if not self._keeps_answers():
            raise IdempotencyNotSupported
        identity: str | None = getattr(request.auth, "identity", None)
        return None if identity is None else claim_of(request, identity)

    def _write(
        self, handler: Handler, claim: Claim | None, request: Request, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        try:
            return self._in_one_transaction(handler, claim, request, *args, **kwargs)
        except _Refused as refused:
            return refused.response

    @retried_atomic
    def _in_one_transaction(
        self, handler: Handler, claim: Claim | None, request: Request, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        answered = services.claim_key(claim=claim) if claim else None
        # A replay is a request too: its nonce, say, is used up.
        for write in first_in_write(request._request):
            write()
        if answered is not None:
            return answered.replay()
        if is_multipart(request):
            rewind_files(request)
        response = handler(request, *args, **kwargs)
        if not 200 <= response.status_code < 300:
            raise _Refused(response)
        if claim is not None:
            response = self.finalize_response(request, response, *args, **kwargs)  # type: ignore[arg-type]  # Django's too
            services.store_answer(claim=claim, answer=answer_of(response))
        return response


class APIView(IdempotencyMixin, views.APIView):
    """DRF's, as every API view is here."""


class ListAPIView(IdempotencyMixin, generics.ListAPIView[Row]):
    """DRF's, as every API view is here."""


class GenericViewSet(IdempotencyMixin, viewsets.GenericViewSet[Row]):
    """DRF's, as every API view is here."""
