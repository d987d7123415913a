"""The hub works for all sockets of a process, so that none of its lines has the request id of one."""

import asyncio

import pytest

from inventory import hub
from pms_backend.api import context


def test_the_hub_begins_without_the_request_of_the_socket_that_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    contexts: list[context.Context] = []

    async def start(_: hub.Hub) -> None:
        contexts.append(context.current())

    async def connect() -> str:
        with context.bind(actor="anonymous", request_id="r-1", door=context.Door.API):
            await hub.get_hub()
            return context.current().request_id

    monkeypatch.setattr(hub, "_hub", None)
    monkeypatch.setattr(hub.Hub, "start", start)

    assert asyncio.run(connect()) == "r-1"
    assert contexts == [context.Context()]
