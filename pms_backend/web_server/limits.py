"""Every bound of the web server, named once. They hold for each process."""

from typing import Final

# More than the application refuses (pms_backend/api/limits.py), so that it is the one that says why.
MAX_HEAD_BYTES: Final = 128 * 1024
# The time for the head of a request, from its first byte or from the opening of the connection.
HEAD_SECONDS: Final = 10
# An answered connection waits this long for its next request; a proxy in front has to let go of it earlier.
KEEP_ALIVE_SECONDS: Final = 75
# The time for a body: these seconds, and what it has taken so far at the slowest speed that is accepted.
BODY_SECONDS: Final = 10
MIN_BYTES_PER_SECOND: Final = 1024
LONGEST_BODY_SECONDS: Final = 3600
# An answer that is being read has to move on at the slowest speed in each span of this length.
SEND_SECONDS: Final = 30
# One more, and the connection that has waited longest without being served makes room for it.
MAX_CONNECTIONS: Final = 1000
# A process waits so long for each connection that it has before it accepts one more; short, or a burst would queue up.
ACCEPT_STEP_SECONDS: Final = 0.00005
LONGEST_ACCEPT_SECONDS: Final = 0.0005
# What lies in memory of a body or an answer; the rest lies in a temporary file.
MAX_BUFFERED_BYTES: Final = 64 * 1024
# All bodies on their way together.
MAX_SPOOLED_BYTES: Final = 4 * 1024**3
# The body of a refused request is read to its end, so that its client reads the refusal; a longer one is cut off.
MAX_DISCARDED_BYTES: Final = 64 * 1024**2
# A thread hands an answer over whole, even an export, and is free for the next request.
MAX_UNSENT_BYTES: Final = 4 * 1024**3
CHECK_SECONDS: Final = 1
BACKLOG: Final = 1024
# Connections, their temporary files, and what the application opens.
OPEN_FILES: Final = 4096
