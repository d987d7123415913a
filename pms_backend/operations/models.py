"""The heartbeats of beat and of the workers, and what the counters rose by."""

from django.db import models


class Heartbeat(models.Model):
    """When beat, or the worker of a queue, was seen last, and since when without a gap, by the database's clock.

    A worker's comes from a task of beat: beat, broker, worker and database work. Beat's is its own.
    """

    name = models.CharField(primary_key=True, max_length=20)
    beat_at = models.DateTimeField()
    steady_since = models.DateTimeField()

    class Meta:
        verbose_name = "heartbeat"

    def __str__(self) -> str:
        return self.name


class MetricIncrease(models.Model):
    """What a counter, over all processes, rose by in five minutes; in an hour, once that is a day old."""

    began_at = models.DateTimeField()
    name = models.CharField(max_length=60)
    labels = models.JSONField()
    amount = models.BigIntegerField()

    class Meta:
        verbose_name = "metric increase"
        constraints = (
            models.UniqueConstraint(fields=["began_at", "name", "labels"], name="operations_metricincrease_once"),
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="operations_metricincrease_amount_positive"),
        )

    def __str__(self) -> str:
        return f"{self.name} {self.labels}: {self.amount} from {self.began_at} on"
