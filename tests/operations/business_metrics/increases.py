"""Increases of counters, as a sampler would have added them."""

from datetime import timedelta

from django.utils import timezone

from pms_backend.operations.models import MetricIncrease


def add(name: str, amount: int, *, ago: timedelta = timedelta(), **labels: str) -> None:
    """One row of so long ago."""
    MetricIncrease.objects.create(began_at=timezone.now() - ago, name=f"pms_{name}_total", labels=labels, amount=amount)


def add_a_day() -> None:
    """Requests, reads, events, runs, deliveries and errors of this minute, of two hours and of two days ago."""
    for amount, ago in ((1, timedelta()), (1_000, timedelta(hours=2)), (20_000, timedelta(days=2))):
        for status, tier in (("2xx", "standard"), ("4xx", "standard"), ("5xx", "staff")):
            add("http_requests", amount, ago=ago, status=status, tier=tier)
        for result in ("hit", "wait", "miss", "skip", "error"):
            add("response_cache", amount, ago=ago, result=result)
        for status in ("processed", "ignored", "deferred", "failed", "dead"):
            add("events", amount, ago=ago, status=status)
        for status in ("finished", "failed", "cancelled"):
            add("sync_runs", amount, ago=ago, status=status)
        for result in ("ok", "failed"):
            add("deliveries", amount, ago=ago, result=result)
        add("errors", 3 * amount, ago=ago, layer="integration", code="timeout")
        add("errors", amount, ago=ago, layer="route", code="not_found")
