"""Revalidation of callers that were authenticated earlier, without their secrets."""

from collections.abc import Collection

from django.contrib.auth.models import User
from django.utils import timezone

from pms_backend.access.authentication import caller_of_found, keys_of
from pms_backend.access.caller import Caller, caller_of_user, session_hash_of


def revalidate(callers: Collection[Caller]) -> dict[Caller, Caller]:
    """The callers whose credential is still valid, each mapped to a caller with its current rights.

    It takes two queries for any number of callers, and two more for each member of staff, whose permissions Django
    reads. Revoked and expired keys, expired tokens, deactivated users and users with a new password are left out. The
    scopes of a Supabase token are part of the token and stay until it expires.
    """
    pairs = [(caller, caller.credential) for caller in unexpired(callers) if caller.credential is not None]
    prefixes = [credential.name for _, credential in pairs if credential.kind == "key"]
    numbers = [int(credential.name) for _, credential in pairs if credential.kind != "key"]
    keys = {found.prefix: caller_of_found(found) for found in keys_of(*prefixes)} if prefixes else {}
    users = User.objects.filter(is_active=True).in_bulk(numbers) if numbers else {}
    found = {}
    for caller, credential in pairs:
        known: Caller | None = None
        if credential.kind == "key":
            known = keys.get(credential.name)
        elif user := users.get(int(credential.name)):
            known = _of_user(caller, user)
        if known is not None:
            found[caller] = known
    return found


def unexpired(callers: Collection[Caller]) -> list[Caller]:
    """The callers whose own `expires_at` has not passed."""
    now = timezone.now()
    return [caller for caller in callers if caller.expires_at is None or caller.expires_at > now]


def _of_user(caller: Caller, user: User) -> Caller | None:
    credential = caller.credential
    if credential is None or credential.kind == "supabase":
        return caller
    return (
        caller_of_user(user, expires_at=caller.expires_at) if credential.session_hash == session_hash_of(user) else None
    )
