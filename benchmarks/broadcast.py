"""The limit for sockets: `python -m benchmarks.broadcast PORT`, a bare `websockets` server.

Whatever a client sends goes to everybody, by the library's `broadcast`.
"""

import asyncio
import sys
from contextlib import suppress

from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed

clients: set[ServerConnection] = set()


async def handle(connection: ServerConnection) -> None:
    """One client, from its handshake to its end."""
    clients.add(connection)
    try:
        # The clients of the benchmark end without a close.
        with suppress(ConnectionClosed):
            async for message in connection:
                broadcast(clients, message)
    finally:
        clients.discard(connection)


async def main() -> None:
    """Serves until it is ended; without compression, as our own server."""
    async with serve(handle, "127.0.0.1", int(sys.argv[1]), compression=None):
        await asyncio.Future()


if __name__ == "__main__":
    asyncio.run(main())
