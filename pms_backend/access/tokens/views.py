"""`/api/v1/auth/`: tokens of our own."""

from dataclasses import asdict
from typing import Any

from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from pms_backend.access.lockout import refuse
from pms_backend.access.throttling import TokenThrottle
from pms_backend.access.tokens import services
from pms_backend.access.tokens.callers import KEYWORD
from pms_backend.access.tokens.exceptions import WrongCredentials
from pms_backend.access.tokens.serializers import CredentialsSerializer, RefreshSerializer, TokenPairSerializer
from pms_backend.api.endpoints import APIView


class TokenView(APIView):
    """For everybody, a few times a minute; nothing of it is kept on the way."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (TokenThrottle,)
    supports_idempotency = False

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """Adds the headers that every response of these views carries."""
        response["Cache-Control"] = "no-store"
        if response.status_code == 401:
            response["WWW-Authenticate"] = KEYWORD
        return super().finalize_response(request, response, *args, **kwargs)


class ObtainTokenView(TokenView):
    """Name and password against a pair of tokens."""

    @extend_schema(request=CredentialsSerializer, responses=TokenPairSerializer, auth=[])
    def post(self, request: Request) -> HttpResponse:
        """Nobody learns whether the name or the password was wrong."""
        credentials = CredentialsSerializer(data=request.data)
        credentials.is_valid(raise_exception=True)
        user = authenticate(request._request, **credentials.validated_data)
        # Set by django-axes, whose middleware is not in the way of the API.
        if getattr(request._request, "axes_locked_out", False):
            return refuse(request._request, credentials=credentials.validated_data)
        if not isinstance(user, User):
            raise WrongCredentials("No active user has this name and this password.")
        return Response(asdict(services.issue_tokens(user=user)))


class RefreshTokenView(TokenView):
    """A refresh token against the next pair."""

    @extend_schema(request=RefreshSerializer, responses=TokenPairSerializer, auth=[])
    def post(self, request: Request) -> Response:
        """Uses the refresh token up."""
        asked = RefreshSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return Response(asdict(services.rotate_tokens(**asked.validated_data)))
