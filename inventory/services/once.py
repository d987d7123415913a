"""Writes that take effect once, however often their form is sent."""

from collections.abc import Callable
from typing import TypeVar

from pms_backend.api.idempotency import IdempotentRequest, StoredResponse
from pms_backend.api.services import begin_idempotent_request, store_response
from pms_backend.api.transactions import retried_atomic

Result = TypeVar("Result")


@retried_atomic
def act_once(*, key: bytes, act: Callable[[], Result]) -> Result | None:
    """Returns what `act` returns; None if it has succeeded under this key of 32 bytes before.

    Where `act` raises, nothing is written and the key stays free. Raises `IdempotencyInProgress`.
    """
    request = IdempotentRequest(digest=key, fingerprint=key)
    if begin_idempotent_request(request=request) is not None:
        return None
    result = act()
    store_response(request=request, response=StoredResponse(204, {}, b""))
    return result
