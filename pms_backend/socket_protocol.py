"""The WebSocket protocol of the socket server: uvicorn's, and an ASGI extension that writes finished frames.

uvicorn's `--ws` names this class. A message by ASGI's `send` becomes a frame for each client anew, in a task of its own
wherever many clients are to get it. Servers do not mask their frames (RFC 6455, 5.1), and without compression a frame
does not depend on the connection: so one frame serves all clients.
"""

from typing import Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request
from websockets.protocol import OPEN

# In `scope["extensions"]`: {"write": `SocketProtocol.write_frames`, "abort": `SocketProtocol.abort`}.
EXTENSION: Final = "pms.frames"


class SocketProtocol(WebSocketsSansIOProtocol):
    """One connection."""

    def handle_connect(self, event: Request) -> None:
        """Adds the extension to the scope. The application starts in a task, after this returns."""
        super().handle_connect(event)
        if self.handshake_initiated and not self.handshake_complete:
            self.scope["extensions"][EXTENSION] = {"write": self.write_frames, "abort": self.abort}

    def write_frames(self, frames: bytes) -> bool:
        """Writes whole frames at once, without waiting. Returns False, and writes nothing, where that is not possible.

        That is: before the handshake is complete, when the connection is closing, and while more bytes than the
        transport's limit (64 KiB) wait for the client to read. Then `send` waits, or raises the reason.
        """
        if not self.writable.is_set() or self.close_sent or self.conn.state is not OPEN or self.transport.is_closing():
            return False
        self.transport.write(frames)
        return True

    def abort(self) -> None:
        """Drops the connection without waiting for the client to read. ASGI has no message for that."""
        # asyncio fails where the connection is lost already.
        if not self.disconnected:
            self.transport.abort()
