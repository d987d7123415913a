"""The heartbeats of beat and of the workers."""

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
