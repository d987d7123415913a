"""The heartbeats of the workers."""

from django.db import models


class Heartbeat(models.Model):
    """The time at which a queue's worker last ran a task of beat: beat, broker, worker and database work."""

    queue = models.CharField(primary_key=True, max_length=20)
    beat_at = models.DateTimeField()

    class Meta:
        verbose_name = "heartbeat"

    def __str__(self) -> str:
        return self.queue
