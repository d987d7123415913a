"""Every limit and timeout of the supervisor. Times are seconds."""

POLL_SECONDS = 0.05

# Before anything starts
MINIMUM_FREE_BYTES = 256 * 2**20  # a new cluster takes about 60 MB, its write-ahead log grows to 64 MB soon after
CONNECT_SECONDS = 5  # to a given DATABASE_URL or REDIS_URL

# Embedded servers
INITDB_SECONDS = 120
SERVER_START_SECONDS = 120  # recovery after a power cut reads the write-ahead log again
SERVER_STOP_SECONDS = 10  # where only the servers run, nobody waits at a prompt
POSTGRES_CONNECTIONS = 100
REDIS_MAXIMUM_MEMORY = "512mb"
# Redis disconnects a client that does not read its replies: beyond the first size at once, beyond the second after so
# many seconds. The largest value that we read has half a megabyte (pms_backend/api/response_cache.py).
# docker-compose.yml has the same.
REDIS_UNREAD_REPLIES = "32mb 8mb 60"
VERSION_SECONDS = 5  # for a binary to print its version
SERVER_LOG_BYTES = 1 * 2**20  # a longer log is emptied when the server starts

# Start
SETUP_SECONDS = 600
READY_SECONDS = 120
READY_REQUEST_SECONDS = 2
STARTUP_ENDS = 3  # a program that ends so often before the stack is ready will not come up by itself
TAIL_LINES = 20

# Restarts: the first is immediate
CHECK_SECONDS = 1.0  # a program's end wakes the supervisor earlier
SHORTEST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 30.0
STABLE_SECONDS = 30.0  # a program that ran for so long is restarted at once again

# Output
UNREAD_LINES = 10_000

# Stop: together less than ten seconds
PRODUCER_STOP_SECONDS = 2.5  # beat, web and sockets stop for so long before the workers are asked to
STACK_STOP_SECONDS = 6.0
REDIS_STOP_SECONDS = 1.2
POSTGRES_STOP_SECONDS = 1.8
KILL_SECONDS = 0.5  # between a server's immediate stop and SIGKILL
ORPHAN_STOP_SECONDS = 5.0
OUTPUT_SECONDS = 1.0  # for the last lines of a process that has ended
