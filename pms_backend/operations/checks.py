"""System checks of settings that would fail later."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from django.apps.config import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as Advice
from django.core.exceptions import ImproperlyConfigured

from pms_backend.access.addresses import trusted_proxies
from pms_backend.access.encryption import check_keys
from pms_backend.access.rates import parse_rates
from pms_backend.access.tokens.roles import parse_role_scopes
from pms_backend.outbound.guard import allowed_destinations
from products.currencies import check_default_currency

# A shorter secret can be guessed.
MIN_TOKEN_LENGTH: Final = 16


def check_settings(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Checks the syntax of RATE_LIMITS, keys, proxies, JWT_ROLE_SCOPES, OUTBOUND_ALLOW and DEFAULT_CURRENCY."""
    problems: list[CheckMessage] = []
    checks: tuple[Callable[[], object], ...] = (
        lambda: parse_rates(settings.RATE_LIMITS),
        check_keys,
        trusted_proxies,
        lambda: parse_role_scopes(settings.JWT_ROLE_SCOPES),
        check_default_currency,
        allowed_destinations,
    )
    for number, check in enumerate(checks, start=1):
        try:
            check()
        except ImproperlyConfigured as error:
            problems.append(Error(str(error), id=f"pms.E{number:03}"))
    return problems


def advise_on_settings(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Finds a METRICS_TOKEN that can be guessed; runs with `check --deploy`."""
    if not 0 < len(settings.METRICS_TOKEN) < MIN_TOKEN_LENGTH:
        return []
    text = f"METRICS_TOKEN should have at least {MIN_TOKEN_LENGTH} characters: a shorter one can be guessed."
    return [Advice(text, id="pms.W001")]
