"""Counters and timers that anyone increments; `GET /metrics` shows them."""

from pms_backend.metrics.allocated_files import use_allocated_files
from pms_backend.metrics.bounded import OTHER as OTHER
from pms_backend.metrics.bounded import Counter, Gauge, Histogram
from pms_backend.metrics.layers import Layer as Layer
from pms_backend.metrics.process_files import forget_dead_processes as forget_dead_processes
from pms_backend.metrics.process_files import number_files

use_allocated_files()
number_files()

# From a response of the cache (2 ms) to one that a slow database delays to its timeout.
REQUEST_SECONDS_BUCKETS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)

requests_total = Counter("pms_http_requests_total", "Requests answered", ["route", "method", "status", "tier"])
request_seconds = Histogram(
    "pms_http_request_seconds", "Time to answer a request", ["route", "method"], buckets=REQUEST_SECONDS_BUCKETS
)
errors_total = Counter(
    "pms_errors_total", "Requests answered with an error, and failures of background work", ["layer", "code"]
)
events_published_total = Counter("pms_events_published_total", "Events published to the feed")
receiver_failures_total = Counter("pms_event_receiver_failures_total", "Receivers that failed", ["receiver"])
pms_events_total = Counter(
    "pms_events_total", "Attempts to apply PMS events, by their outcome", ["connection", "type", "status"]
)
webhooks_total = Counter(
    "pms_webhooks_total",
    "Webhooks of PMSs, by result: accepted, duplicate, or the reason of the refusal",
    ["connection", "result"],
)
imports_total = Counter("pms_imports_total", "Imports that have ended, by status: finished or failed", ["status"])
deliveries_total = Counter("pms_deliveries_total", "Attempts at deliveries, by outcome: ok or failed", ["result"])
pms_calls_total = Counter("pms_calls_total", "Calls to PMSs, by outcome: ok or failed", ["connection", "result"])
sync_runs_total = Counter(
    "pms_sync_runs_total",
    "Sync runs that have ended, by status: finished, failed or cancelled",
    ["connection", "status"],
)
pms_missed_webhooks_total = Counter(
    "pms_missed_webhooks_total", "Changes that a sync run found and no webhook had told", ["connection"]
)
redis_failures_total = Counter("pms_redis_failures_total", "Failed uses of Redis, by purpose", ["use"])
response_cache_total = Counter(
    "pms_response_cache_total",
    "Reads through the response cache, by result: hit, wait, miss, skip or error",
    ["result"],
)
jwks_fetches_total = Counter("pms_jwks_fetches_total", "Fetches of Supabase's signing keys", ["result"])
image_fetches_total = Counter("pms_image_fetches_total", "Images fetched from URLs, by outcome", ["result"])
transaction_retries_total = Counter(
    "pms_transaction_retries_total", "Transactions retried after a deadlock or conflict"
)
web_threads_busy = Gauge(
    "pms_web_threads_busy", "Threads of the web servers that are answering a request", multiprocess_mode="livesum"
)
process_start_time_seconds = Gauge(
    "pms_process_start_time_seconds",
    "When the program was started, in seconds since 1970",
    ["program"],
    multiprocess_mode="livemax",
)
socket_connections = Gauge("pms_socket_connections", "Open sockets", multiprocess_mode="livesum")
socket_messages_total = Counter("pms_socket_messages_total", "Snapshots and changes sent to sockets")
sockets_closed_total = Counter("pms_sockets_closed_total", "Sockets closed by the server, by code", ["code"])
socket_delay_seconds = Histogram(
    "pms_socket_delay_seconds", "Time from a change of stock until the hub sends it to the sockets"
)


def count_error(layer: Layer, code: str) -> None:
    """Counts an expected failure of background work; a defect is counted when it is logged (`error_logs.py`)."""
    errors_total.labels(layer, code).inc()
