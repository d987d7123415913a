"""The base classes of every API view."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from django.db.models import Model
from django.http.response import HttpResponseBase
from rest_framework import generics, viewsets
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from pms_backend.api import services
from pms_backend.api.dispatch import DispatchMixin
from pms_backend.api.idempotency import (
    KEY_VARIABLE,
    IdempotencyNotSupported,
    IdempotentRequest,
    idempotent_request,
    is_multipart,
    rewind_files,
    stored_response,
)
from pms_backend.api.transactions import first_writes, retried_atomic

Handler = Callable[..., HttpResponseBase]
Row = TypeVar("Row", bound=Model)


class _Refused(Exception):
    """Carries a response that is not a success out of the transaction, which rolls back."""

    def __init__(self, response: HttpResponseBase) -> None:
        super().__init__(response.status_code)
        self.response = response


class IdempotencyMixin(DispatchMixin):
    """Stores the response of a POST with an `Idempotency-Key`, in the same transaction as its writes.

    `supports_idempotency` is False where the response carries a secret or a token; a mapping sets it by action. With
    `only_reads` a POST is a read whose parameters do not fit into a URL: it ignores a key, since a stored response
    would be an outdated one.
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
        """Runs DRF's checks, then wraps the handler of a write that has a key or a registered first write.

        A write without either costs nothing more.
        """
        super().initial(request, *args, **kwargs)
        method = (request.method or "").lower()
        if request.method in SAFE_METHODS or method not in self.http_method_names:
            return
        idempotent = self._idempotent_request(request)
        try:
            self._prepared = self.prepare(request, **kwargs), None
        except Exception as error:
            self._prepared = None, error
        if idempotent is not None or first_writes(request._request):
            handler = getattr(self, method, self.http_method_not_allowed)
            setattr(self, method, partial(self._write, handler, idempotent))

    def prepare(self, request: Request, **kwargs: Any) -> Any:
        """Does the work of a write that must not run inside its transaction: slow work, outgoing calls.

        It runs once, after every check and before the transaction, however often that is retried; the handler gets its
        result from `prepared()`.
        """
        return None

    def prepared(self) -> Any:
        """Returns or raises what `prepare` did; in the handler, so that a replayed response takes precedence."""
        result, error = self._prepared
        if error is not None:
            raise error
        return result

    def accepts_idempotency_key(self, method: str) -> bool:
        """Whether requests of this method support a key. A view without authentication ignores it: no one owns it."""
        is_write = method == "POST" and not self.only_reads
        return is_write and bool(self.authentication_classes) and self._stores_responses()

    def _stores_responses(self) -> bool:
        supported = self.supports_idempotency
        if isinstance(supported, Mapping):
            return supported.get(getattr(self, "action", None) or "", True)
        return supported

    def _idempotent_request(self, request: Request) -> IdempotentRequest | None:
        if request.method != "POST" or self.only_reads or KEY_VARIABLE not in request.META:
            return None
        if not self._stores_responses():
            raise IdempotencyNotSupported
        identity: str | None = getattr(request.auth, "identity", None)
        return None if identity is None else idempotent_request(request, identity)

    def _write(
        self, handler: Handler, idempotent: IdempotentRequest | None, request: Request, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        try:
            return self._in_one_transaction(handler, idempotent, request, *args, **kwargs)
        except _Refused as refused:
            return refused.response

    @retried_atomic
    def _in_one_transaction(
        self, handler: Handler, idempotent: IdempotentRequest | None, request: Request, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        replayed = services.begin_idempotent_request(request=idempotent) if idempotent else None
        # A replay is a request too: it uses up its signature's nonce, for example.
        for write in first_writes(request._request):
            write()
        if replayed is not None:
            return replayed.replay()
        if is_multipart(request):
            rewind_files(request)
        response = handler(request, *args, **kwargs)
        if not 200 <= response.status_code < 300:
            raise _Refused(response)
        if idempotent is not None:
            response = self.finalize_response(request, response, *args, **kwargs)  # type: ignore[arg-type]  # Django's too
            services.store_response(request=idempotent, response=stored_response(response))
        return response


class APIView(IdempotencyMixin):
    """DRF's, with `IdempotencyMixin`."""


class ListAPIView(IdempotencyMixin, generics.ListAPIView[Row]):
    """DRF's, with `IdempotencyMixin`."""


class GenericViewSet(viewsets.ViewSetMixin, IdempotencyMixin, generics.GenericAPIView[Row]):
    """DRF's, with `IdempotencyMixin`."""
