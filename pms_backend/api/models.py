"""The stored responses of requests with an `Idempotency-Key`."""

from django.db import models
from django.db.models.functions import Now


class IdempotencyKey(models.Model):
    """A request that succeeded, with its response; both are committed by one transaction.

    `digest` is of client, method, path and key (which an index could not hold as they are), `fingerprint` of the body.
    """

    digest = models.BinaryField(primary_key=True, max_length=32)
    fingerprint = models.BinaryField(max_length=32)
    created_at = models.DateTimeField(db_default=Now())
    status = models.PositiveSmallIntegerField(null=True)
    headers = models.JSONField(default=dict, db_default={})
    body = models.BinaryField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="api_idempotencykey_answer_is_a_success",
                condition=models.Q(status=None, body=None)
                | models.Q(status__isnull=False, status__range=(200, 299), body__isnull=False),
            )
        ]
        indexes = [models.Index(fields=["created_at"], name="api_idempotencykey_age")]

    def __str__(self) -> str:
        return bytes(self.digest).hex()
