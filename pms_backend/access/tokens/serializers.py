"""What the tokens' endpoints take and give."""

from typing import Any

from pms_backend.access.tokens.callers import MAX_TOKEN_LENGTH
from pms_backend.api import serializers

MAX_USERNAME_LENGTH = 150
MAX_PASSWORD_LENGTH = 1024


class CredentialsSerializer(serializers.Serializer[Any]):
    """A user's name and password."""

    username = serializers.CharField(max_length=MAX_USERNAME_LENGTH)
    password = serializers.CharField(max_length=MAX_PASSWORD_LENGTH, trim_whitespace=False)


class RefreshSerializer(serializers.Serializer[Any]):
    """A refresh token."""

    refresh = serializers.CharField(max_length=MAX_TOKEN_LENGTH)


class TokenPairSerializer(serializers.Serializer[Any]):
    """An access token for the header, and a refresh token for the next pair."""

    access = serializers.CharField()
    refresh = serializers.CharField()
