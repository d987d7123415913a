"""What `check --deploy` advises about secrets."""

import pytest

from pms_backend.operations.checks import advise_on_settings


@pytest.mark.parametrize(("token", "advice"), [("", []), ("a" * 15, ["pms.W001"]), ("a" * 16, [])])
def test_a_metrics_token_that_can_be_guessed_is_named(settings, token: str, advice: list[str]):
    settings.METRICS_TOKEN = token

    assert [message.id for message in advise_on_settings(None)] == advice
