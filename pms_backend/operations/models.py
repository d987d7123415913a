"""Signs of life."""

from django.db import models


class Heartbeat(models.Model):
    """When a queue's worker last did what beat sent it: the whole chain beat, broker, worker, database works."""

    queue = models.CharField(primary_key=True, max_length=20)
    beat_at = models.DateTimeField()

    class Meta:
        verbose_name = "heartbeat"

    def __str__(self) -> str:
        return self.queue
