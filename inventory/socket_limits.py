"""What one connection to `/ws/stock/` may do, and how long it is waited for."""

from typing import Final

# The socket server refuses larger ones by itself (1009), before they are whole: `--ws-max-size` says the same.
MAX_MESSAGE_BYTES: Final = 256 * 1024
MAX_SKUS: Final = 1_000
MAX_LOCATIONS: Final = 200

# Messages a second, in the long run and at once. What goes beyond is answered by an error, and a flood by closing.
MESSAGES_A_SECOND: Final = 50
BURST_MESSAGES: Final = 200
FLOOD_MESSAGES: Final = 10 * BURST_MESSAGES

# A client that has this much unread is too slow to be told the truth: it is closed and may resume.
MAX_UNREAD_CHANGES: Final = 20_000
# One that takes nothing for so long is closed too; what has been sent at once may take longer, by its size.
SEND_SECONDS: Final = 10.0
SLOWEST_BYTES_A_SECOND: Final = 64 * 1024
# How long a client that does not read may take to hear that it is closed, before its connection is cut.
CLOSE_SECONDS: Final = 20.0

HEARTBEAT_SECONDS: Final = 10.0
# How soon it is felt that a key was revoked or a token has expired.
RECHECK_SECONDS: Final = 15.0
