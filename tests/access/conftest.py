"""A Supabase project that the settings name."""

from collections.abc import Iterator

import pytest

from pms_backend.access.tokens import jwks
from tests.access.issuer import Project


@pytest.fixture
def project(settings) -> Iterator[Project]:
    """Publishes an EC key `first` and an RSA key `rsa`."""
    made = Project()
    made.add_key("first")
    made.add_key("rsa", "RSA")
    # Its port may have been that of an earlier one, whose keys are still known.
    jwks._key_sets.clear()
    made.start()
    settings.SUPABASE_URL = made.url
    settings.SUPABASE_JWT_SECRET = ""
    yield made
    made.stop()
