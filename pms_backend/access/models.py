"""Programs that may call the API."""

from typing import ClassVar

from django.contrib.auth.models import User
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from rest_framework_api_key.models import AbstractAPIKey, BaseAPIKeyManager

DEFAULT_TIER = "default"
STOREFRONT_TIER = "storefront"
INTERNAL_TIER = "internal"


class ApiClientManager(BaseAPIKeyManager):
    """Finds clients by their key."""

    def usable(self, prefix: str) -> "models.QuerySet[ApiClient]":
        """The client whose key starts with `prefix`, unless it is revoked or expired."""
        alive = models.Q(expiry_date=None) | models.Q(expiry_date__gt=Now())
        return self.filter(alive, prefix=prefix, revoked=False)


class ApiClient(AbstractAPIKey):
    """A program that calls the API with a key of its own.

    Its public id is the key's `prefix`; the library's primary key holds the hash and is shown to nobody.
    """

    scopes = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    tier = models.CharField(max_length=40, default=DEFAULT_TIER)

    objects: ClassVar[ApiClientManager] = ApiClientManager()  # type: ignore[assignment]

    class Meta(AbstractAPIKey.Meta):
        verbose_name = "API client"
        verbose_name_plural = "API clients"


class SupabaseUser(models.Model):
    """A person whom Supabase knows by `subject`, and the user in whose name their doings are recorded.

    The user is nobody's account here: no password, no rights. Deactivated by staff, it keeps the person out; it cannot
    be deleted, since the next token would make it anew.
    """

    subject = models.CharField(max_length=128)
    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="supabase")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["subject"], name="access_supabaseuser_one_per_subject")]

    def __str__(self) -> str:
        return self.subject
