"""Counters and timers that anyone increments; `GET /metrics` shows them."""

from prometheus_client import Counter, Gauge, Histogram

requests_total = Counter("pms_http_requests_total", "Requests answered", ["method", "status"])
request_seconds = Histogram("pms_http_request_seconds", "Time to answer a request", ["method"])
events_published_total = Counter("pms_events_published_total", "Events that were given their sequence")
receiver_failures_total = Counter("pms_event_receiver_failures_total", "Receivers that failed", ["receiver"])
events_parked = Gauge(
    "pms_events_parked",
    "Events that a receiver could not take and has still to be given",
    multiprocess_mode="mostrecent",
)
pms_events_total = Counter("pms_inbound_events_total", "PMS events, by what became of them", ["status"])
redis_failures_total = Counter(
    "pms_redis_failures_total", "Uses of Redis that failed, and what went on without it", ["use"]
)
jwks_fetches_total = Counter("pms_jwks_fetches_total", "Fetches of Supabase's signing keys", ["result"])
transaction_retries_total = Counter(
    "pms_transaction_retries_total", "Transactions retried after a deadlock or conflict"
)
