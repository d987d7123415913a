from pathlib import Path

import pytest

from pms_backend.standalone.configuration import Configuration
from pms_backend.standalone.exceptions import StartupError


def test_defaults() -> None:
    configuration = Configuration.from_environment({"DATABASE_URL": "", "PORT": ""})

    assert configuration.data_dir == Path.cwd() / ".data"
    assert (configuration.host, configuration.port, configuration.ws_port) == ("127.0.0.1", 8000, 8001)
    assert (configuration.database_url, configuration.redis_url) == (None, None)
    assert configuration.base_url == "http://127.0.0.1:8000"


def test_the_sockets_port_follows_the_port() -> None:
    assert Configuration.from_environment({"PORT": "9000"}).ws_port == 9001
    assert Configuration.from_environment({"PORT": "9000", "WS_PORT": "80"}).ws_port == 80


@pytest.mark.parametrize(
    ("host", "base"),
    [("0.0.0.0", "http://127.0.0.1:8000"), ("::", "http://[::1]:8000"), ("::1", "http://[::1]:8000")],
)
def test_urls_can_be_opened_on_this_machine(host: str, base: str) -> None:
    assert Configuration.from_environment({"HOST": host}).base_url == base


@pytest.mark.parametrize(
    ("environment", "urls"),
    [
        ({"ALLOWED_HOSTS": "pms.internal, 127.0.0.1"}, ("http://127.0.0.1:8000", "ws://127.0.0.1:8001")),
        ({"ALLOWED_HOSTS": "*"}, ("http://127.0.0.1:8000", "ws://127.0.0.1:8001")),
        ({"ALLOWED_HOSTS": ".pms.internal,b"}, ("http://pms.internal:8000", "ws://pms.internal:8001")),
        ({"ALLOWED_HOSTS": "a.example", "HTTPS": "yes"}, ("https://a.example", "wss://a.example")),
        ({"HTTPS": "1", "PUBLIC_WS_PORT": "444"}, ("https://127.0.0.1", "wss://127.0.0.1:444")),
    ],
)
def test_urls_are_those_that_the_web_server_accepts(environment: dict[str, str], urls: tuple[str, str]) -> None:
    configuration = Configuration.from_environment(environment)

    assert (configuration.base_url, configuration.ws_url) == (urls[0], f"{urls[1]}/ws/stock/")


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"PORT": "0"}, "PORT must be a number from 1 to 65535, not '0'"),
        ({"PORT": "65535"}, "WS_PORT must be a number from 1 to 65535, not '65536'"),
        ({"WS_PORT": "-1"}, "WS_PORT must be a number from 1 to 65535, not '-1'"),
        ({"PORT": "80", "WS_PORT": "80"}, "PORT and WS_PORT are both 80: they must differ"),
        ({"DATABASE_URL": "sqlite:///secret"}, "DATABASE_URL must begin with postgres:// or postgresql://"),
        ({"REDIS_URL": "amqp://secret"}, "REDIS_URL must begin with redis:// or rediss://"),
    ],
)
def test_a_mistake_names_the_variable_and_shows_no_secret(environment: dict[str, str], message: str) -> None:
    with pytest.raises(StartupError) as caught:
        Configuration.from_environment(environment)

    assert str(caught.value) == message


def test_secrets_do_not_show_in_logs() -> None:
    environment = {"DATABASE_URL": "postgres://a:hidden@b/c", "REDIS_URL": "redis://:hidden@b", "SECRET_KEY": "hidden"}

    assert "hidden" not in repr(Configuration.from_environment(environment))
