"""Whom the socket lets in: by the same keys and tokens as the API."""

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from django.contrib.auth.models import User

from inventory import consumers
from inventory.hub import Hub
from pms_backend.access.services import create_api_client
from pms_backend.access.tokens.services import issue_tokens
from pms_backend.asgi import application

# With commits: the socket looks after its connection, and may well close it.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _idle_hub(monkeypatch) -> None:
    """A hub that reads nothing: here it matters who gets that far."""

    async def get_hub() -> Hub:
        return Hub()

    monkeypatch.setattr(consumers, "get_hub", get_hub)


def knock(**headers: str) -> dict[str, Any]:
    """What the socket says to a ping, or the code that it closes with."""

    async def talk() -> dict[str, Any]:
        sent = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        scope = {"type": "websocket", "path": "/ws/stock/", "query_string": b"", "headers": sent, "subprotocols": []}
        socket = ApplicationCommunicator(application, scope)
        await socket.send_input({"type": "websocket.connect"})
        assert (await socket.receive_output())["type"] == "websocket.accept"
        await socket.send_input({"type": "websocket.receive", "text": '{"action": "ping"}'})
        answer = await socket.receive_output()
        await socket.send_input({"type": "websocket.disconnect", "code": 1000})
        await socket.wait()
        return answer

    return async_to_sync(talk)()


def bearer(**flags: bool) -> str:
    user = User.objects.create_user("ada", password="correct-horse-battery", **flags)
    return f"Bearer {issue_tokens(user=user).access}"


def test_a_token_with_the_scope_is_let_in():
    assert knock(authorization=bearer(is_staff=True)) == {"type": "websocket.send", "text": '{"type":"pong"}'}


def test_a_key_with_the_scope_is_let_in():
    key = create_api_client(name="screen", scopes=["inventory:read"]).api_key

    assert knock(authorization=f"Api-Key {key}")["type"] == "websocket.send"


def test_a_token_without_the_scope_is_4003():
    assert knock(authorization=bearer())["code"] == 4003


@pytest.mark.parametrize(
    "value", ["", "Bearer", "Bearer ", "Bearer a.b.c", "Bearer ä", "Bearer \x00", "Basic YTpi", "Api-Key "]
)
def test_anybody_else_is_4001(value: str):
    assert knock(authorization=value)["code"] == 4001


def test_a_deactivated_user_is_4001():
    token = bearer(is_staff=True)
    User.objects.update(is_active=False)

    assert knock(authorization=token)["code"] == 4001


def test_a_bad_key_is_not_excused_by_a_good_token():
    assert knock(authorization=bearer(is_staff=True), **{"x-api-key": "wrong.key"})["code"] == 4001
