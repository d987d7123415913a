"""HTTP as a well-behaved client speaks it: told to wait, it waits and asks again."""

import asyncio
from typing import Any

import httpx

from pms_backend.standalone.demo.exceptions import DemoFailed

TRIES = 20
PAUSE_SECONDS = 1.0  # where the server does not say how long
LONGEST_PAUSE_SECONDS = 120.0
TOO_MANY_REQUESTS = 429
SERVICE_UNAVAILABLE = 503


class PatientClient:
    """Many requests at a time; one that is told to wait makes all of them wait."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.waits = 0
        self._client = client
        self._resume_at = 0.0

    async def request(self, method: str, url: str, **more: Any) -> httpx.Response:
        """The first answer that is not to come again later. Raises `DemoFailed`.

        A request that was broken off may have been obeyed: it must be one that may be sent twice.
        """
        clock = asyncio.get_running_loop().time
        for _ in range(TRIES):
            await asyncio.sleep(max(self._resume_at - clock(), 0))
            try:
                answer = await self._client.request(method, url, **more)
            except httpx.TransportError:
                self._resume_at = clock() + PAUSE_SECONDS
                continue
            if answer.status_code not in (TOO_MANY_REQUESTS, SERVICE_UNAVAILABLE):
                return answer
            self.waits += 1
            self._resume_at = clock() + _retry_after(answer)
        raise DemoFailed(f"{method} {url} was not answered in {TRIES} tries")


def _retry_after(answer: httpx.Response) -> float:
    try:
        seconds = float(answer.headers.get("Retry-After", PAUSE_SECONDS))
    except ValueError:  # a date
        return PAUSE_SECONDS
    return min(max(seconds, 0), LONGEST_PAUSE_SECONDS)
