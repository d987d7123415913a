"""API clients, their keys, and what belongs to authentication."""

from typing import ClassVar, Self

from django.contrib.auth.models import User
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework_api_key.models import AbstractAPIKey, BaseAPIKeyManager

from pms_backend.access.encryption import EncryptedTextField
from pms_backend.api.context import MAX_ACTOR_LENGTH, MAX_REQUEST_ID_LENGTH, Door
from pms_backend.api.limits import MAX_SUBJECT_LENGTH
from pms_backend.api.moments import moment_constraint

DEFAULT_TIER = "default"
STOREFRONT_TIER = "storefront"
INTERNAL_TIER = "internal"

PUBLIC_ID_LENGTH = 8
MAX_REQUEST_LENGTH = 200
# Of an IPv6 address.
MAX_ADDRESS_LENGTH = 45
# The name of a product is shorter; a SKU and the code of a location fit.
MAX_ENTRY_NAME_LENGTH = 400


class ApiClient(models.Model):
    """A program that calls the API. Its `public_id` stays the same when its keys change."""

    public_id = models.CharField(_("id"), max_length=PUBLIC_ID_LENGTH, unique=True, editable=False)
    name = models.CharField(_("name"), max_length=50)
    scopes = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    tier = models.CharField(_("tier"), max_length=40, default=DEFAULT_TIER)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, editable=False)
    # Of a request, which is noted at most once a minute: its method and its path.
    last_used_at = models.DateTimeField(_("last used"), null=True, editable=False)
    last_request = models.CharField(
        _("last request"), max_length=MAX_REQUEST_LENGTH, blank=True, db_default="", editable=False
    )
    last_address = models.CharField(max_length=MAX_ADDRESS_LENGTH, blank=True, db_default="", editable=False)
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)

    class Meta:
        ordering = ("-id",)
        verbose_name = _("API client")
        verbose_name_plural = _("API clients")
        constraints = [moment_constraint("access_apiclient", "expires_at")]

    def __str__(self) -> str:
        return self.name

    @property
    def has_expired(self) -> bool:
        """Whether `expires_at` has passed."""
        return self.expires_at is not None and self.expires_at <= timezone.now()

    @property
    def state(self) -> str:
        """`active`, `expired` or `revoked`."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.has_expired else "active"


class KeyQuerySet(models.QuerySet["ApiKey"]):
    """Queries of API keys."""

    def usable(self, *prefixes: str) -> Self:
        """Keys with one of these prefixes, unless they or their clients are revoked or expired."""
        return self.filter(_alive("expiry_date"), _alive("client__expires_at")).filter(
            prefix__in=prefixes, revoked=False, client__revoked_at=None
        )


class ApiKeyManager(BaseAPIKeyManager.from_queryset(KeyQuerySet)):  # type: ignore[misc]
    """The library's manager, which generates and hashes keys."""


class ApiKey(AbstractAPIKey):
    """A client's key: found by its `prefix`, stored as a hash. During a rotation two are valid at once."""

    # The client has the name.
    name = None  # type: ignore[assignment]  # removes the inherited field
    client = models.ForeignKey(ApiClient, on_delete=models.PROTECT, related_name="keys")

    objects: ClassVar[ApiKeyManager] = ApiKeyManager()

    class Meta(AbstractAPIKey.Meta):
        verbose_name = "API key"
        verbose_name_plural = "API keys"

    def __str__(self) -> str:
        return f"{self.prefix}…"


class SigningKeyQuerySet(models.QuerySet["SigningKey"]):
    """Queries of signing keys."""

    def usable(self) -> Self:
        """Signing keys that have not expired."""
        return self.filter(_alive("expiry_date"))


class SigningKey(models.Model):
    """A shared secret with which a client signs its writes (RFC 9421)."""

    client = models.ForeignKey(ApiClient, on_delete=models.PROTECT, related_name="signing_keys")
    key_id = models.CharField(max_length=40, unique=True)
    secret = EncryptedTextField()
    # The same names as those of an API key.
    expiry_date = models.DateTimeField(null=True)
    created = models.DateTimeField(auto_now_add=True)

    objects = SigningKeyQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return self.key_id

    @property
    def has_expired(self) -> bool:
        """Whether `expiry_date` has passed."""
        return self.expiry_date is not None and self.expiry_date <= timezone.now()


class SignatureNonce(models.Model):
    """A nonce that a signed write has used."""

    signing_key = models.ForeignKey(SigningKey, on_delete=models.CASCADE, db_index=False)
    nonce = models.CharField(max_length=255)
    used_at = models.DateTimeField(db_default=Now(), db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["signing_key", "nonce"], name="access_signaturenonce_used_once"),
        ]

    def __str__(self) -> str:
        return self.nonce


class AuditEntry(models.Model):
    """Something that a person, a program or a PMS did. A trigger refuses changes, and removal except by retention.

    `subject` is what it was done to (`product:12`), `name` its name at that moment, `changes` a list of `{"field",
    "from", "to"}`; `detail` has what is no field.
    """

    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=MAX_SUBJECT_LENGTH)
    name = models.CharField(max_length=MAX_ENTRY_NAME_LENGTH, blank=True)
    actor = models.CharField(max_length=MAX_ACTOR_LENGTH)
    door = models.CharField(_("through"), max_length=10, choices=Door.choices, default=Door.SYSTEM)
    request_id = models.CharField(max_length=MAX_REQUEST_ID_LENGTH, blank=True)
    occurred_at = models.DateTimeField(db_default=Now())
    changes = models.JSONField(default=list)
    detail = models.JSONField(default=dict)

    class Meta:
        ordering = ("-id",)
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit log")
        indexes = [
            # One for each filter: one that finds little would read the whole table. `text_pattern_ops` serve beginnings
            # and equality. Actions are few, so that theirs without the id is a sixth of the size.
            models.Index(
                fields=["actor", "-id"], name="access_auditentry_actor", opclasses=["text_pattern_ops", "int8_ops"]
            ),
            models.Index(
                fields=["subject", "-id"], name="access_auditentry_subject", opclasses=["text_pattern_ops", "int8_ops"]
            ),
            models.Index(fields=["action"], name="access_auditentry_action", opclasses=["text_pattern_ops"]),
            models.Index(fields=["door", "-id"], name="access_auditentry_door"),
            models.Index(fields=["request_id"], name="access_auditentry_request"),
        ]
        constraints = [
            models.CheckConstraint(name="access_auditentry_door_known", condition=models.Q(door__in=Door.values)),
        ]

    def __str__(self) -> str:
        return f"{self.action}: {self.name or self.subject}"


class SupabaseUser(models.Model):
    """Links the `subject` of a Supabase token to the user who is named as the actor.

    The user has neither password nor rights. Staff deactivate it to refuse the person's tokens; it cannot be deleted,
    because the next token would create it again.
    """

    subject = models.CharField(max_length=128)
    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="supabase")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["subject"], name="access_supabaseuser_one_per_subject")]

    def __str__(self) -> str:
        return self.subject


class SocketTicket(models.Model):
    """A ticket that opens one socket, stored as a hash and deleted when it is used.

    `caller` is the serialized caller that requested it (`services.tickets`).
    """

    digest = models.BinaryField(primary_key=True, max_length=32)
    caller = models.JSONField()
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"ticket of {self.caller['actor']}"


def _alive(moment: str) -> models.Q:
    return models.Q(**{moment: None}) | models.Q(**{f"{moment}__gt": Now()})
