"""The extension of the socket server, on a protocol whose transport stores what is written."""

import asyncio
from typing import Any

import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState
from websockets.frames import Frame, Opcode

from inventory.consumers import FRAMES
from pms_backend.socket_protocol import EXTENSION, SocketProtocol

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
FRAME = Frame(Opcode.TEXT, b"all see the same").serialize(mask=False)


class Transport(asyncio.Transport):
    """Stores what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.data = b""
        self.is_aborted = False

    def write(self, data: Any) -> None:
        self.data += data

    def is_closing(self) -> bool:
        return self.is_aborted

    def close(self) -> None:
        self.is_aborted = True

    abort = close

    def pause_reading(self) -> None:
        pass

    resume_reading = pause_reading


def serve(run: Any) -> None:
    """Runs with a protocol that has accepted a connection, its transport and the scope."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        assert not scope["extensions"][EXTENSION]["write"](FRAME), "before the handshake is complete"
        await send({"type": "websocket.accept"})
        await run(protocol, transport, scope["extensions"][EXTENSION], send)

    async def connect() -> None:
        protocol.connection_made(transport)
        protocol.data_received(HANDSHAKE)
        await asyncio.gather(*protocol.tasks)

    with asyncio.Runner() as runner:
        config = Config(application, ws_per_message_deflate=False, ws_ping_interval=None, log_level="error")
        config.load()
        protocol = SocketProtocol(config, ServerState(), {}, runner.get_loop())
        transport = Transport()
        runner.run(connect())


async def writes_while_the_client_reads(protocol: Any, transport: Transport, extension: Any, _: Any) -> None:
    before = transport.data
    assert extension["write"](FRAME)
    protocol.pause_writing()
    assert not extension["write"](FRAME)
    assert transport.data == before + FRAME
    protocol.resume_writing()
    assert extension["write"](FRAME)


async def writes_nothing_after_a_close_of_ours(_: Any, transport: Transport, extension: Any, send: Any) -> None:
    await send({"type": "websocket.close", "code": 4008})
    before = transport.data
    assert not extension["write"](FRAME)
    assert transport.data == before


async def writes_nothing_after_a_close_of_the_client(
    protocol: Any, transport: Transport, extension: Any, _: Any
) -> None:
    protocol.data_received(Frame(Opcode.CLOSE, b"\x03\xe8").serialize(mask=True))
    before = transport.data
    assert not extension["write"](FRAME)
    assert transport.data == before


async def aborts_once(protocol: Any, transport: Transport, extension: Any, _: Any) -> None:
    extension["abort"]()
    assert transport.is_aborted
    assert not extension["write"](FRAME)
    protocol.connection_lost(None)
    transport.is_aborted = False
    extension["abort"]()
    assert not transport.is_aborted


@pytest.mark.parametrize(
    "run",
    [
        writes_while_the_client_reads,
        writes_nothing_after_a_close_of_ours,
        writes_nothing_after_a_close_of_the_client,
        aborts_once,
    ],
)
def test_the_extension(run: Any) -> None:
    failures: list[BaseException] = []

    async def checked(*arguments: Any) -> None:
        # The server would log a failure, and go on.
        try:
            await run(*arguments)
        except BaseException as error:
            failures.append(error)

    serve(checked)

    assert failures == []


def test_a_refused_handshake_has_no_extension() -> None:
    with asyncio.Runner() as runner:
        config = Config(lambda *_: None, ws_per_message_deflate=False, log_level="error")
        config.load()
        protocol = SocketProtocol(config, ServerState(), {}, runner.get_loop())
        transport = Transport()
        protocol.connection_made(transport)
        protocol.data_received(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")

    assert transport.data.startswith(b"HTTP/1.1 426")


def test_the_consumer_looks_for_the_extension_by_its_name() -> None:
    assert FRAMES == EXTENSION
