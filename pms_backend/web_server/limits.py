"""Every limit of the web server. Each applies to one process."""

from typing import Final

# More than the application allows (pms_backend/api/limits.py), so that its refusal, which says why, comes first.
MAX_HEAD_BYTES: Final = 128 * 1024
# The time for the head of a request, from its first byte or from the opening of the connection.
HEAD_SECONDS: Final = 10
# A connection may wait this long for its next request; a proxy in front must close it earlier.
KEEP_ALIVE_SECONDS: Final = 75
# The time for a body: these seconds, and the time that the received bytes take at the slowest accepted speed.
BODY_SECONDS: Final = 10
MIN_BYTES_PER_SECOND: Final = 1024
LONGEST_BODY_SECONDS: Final = 3600
# In each period of this length, a client must read its response at the slowest accepted speed.
SEND_SECONDS: Final = 30
# For one more, the connection that has been idle longest is closed.
MAX_CONNECTIONS: Final = 1000
# A process waits so long for each of its connections before it accepts another; more would delay a burst of clients.
ACCEPT_STEP_SECONDS: Final = 0.00005
LONGEST_ACCEPT_SECONDS: Final = 0.0005
# The part of a body or a response that is held in memory; the rest is in a temporary file.
MAX_BUFFERED_BYTES: Final = 64 * 1024
# All bodies that are arriving, together.
MAX_SPOOLED_BYTES: Final = 4 * 1024**3
# The body of a refused request is read to its end, because most clients read a response only then; a longer one is not.
MAX_DISCARDED_BYTES: Final = 64 * 1024**2
# A thread passes a whole response to the I/O thread, even an export, and is free for the next request.
MAX_UNSENT_BYTES: Final = 4 * 1024**3
CHECK_SECONDS: Final = 1
BACKLOG: Final = 1024
# Connections, their temporary files, and what the application opens.
OPEN_FILES: Final = 4096
