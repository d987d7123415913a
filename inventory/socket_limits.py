"""Limits of one connection to `/ws/stock/`."""

from typing import Final

# The socket server itself closes (1009) on larger messages, before it has all of them: `--ws-max-size` is the same.
MAX_MESSAGE_BYTES: Final = 256 * 1024
MAX_SKUS: Final = 1_000
MAX_LOCATIONS: Final = 200

# Messages a second on average, and at once. More are answered by an error, and a flood closes the connection.
MESSAGES_A_SECOND: Final = 50
BURST_MESSAGES: Final = 200
FLOOD_MESSAGES: Final = 10 * BURST_MESSAGES

# A client with more unread changes is closed; it may connect again and resume.
MAX_UNREAD_CHANGES: Final = 20_000
# The most that is written to a client at once; the rest of many changes follows when the other clients had theirs.
WRITE_BYTES: Final = 16 * 1024
# A client that reads nothing for so long is closed too; after a large message it has longer, by its size.
SEND_SECONDS: Final = 10.0
SLOWEST_BYTES_A_SECOND: Final = 64 * 1024
# How long a client may take to read the close message before its connection is dropped.
CLOSE_SECONDS: Final = 20.0

HEARTBEAT_SECONDS: Final = 10.0
# The sockets of a revoked key or an expired token are closed within this time.
RECHECK_SECONDS: Final = 15.0
