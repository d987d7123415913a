"""Who may do what on the socket: every action, with everything that a caller may have or lack."""

import contextlib
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from rest_framework_simplejwt.tokens import AccessToken
from websockets.exceptions import ConnectionClosed

from inventory.messages import ACTIONS
from inventory.socket_limits import RECHECK_SECONDS
from pms_backend.access.scopes import ALL_SCOPES
from pms_backend.access.services import create_api_client, revoke_api_client, rotate_keys, update_api_client
from pms_backend.access.tokens.services import issue_tokens
from tests.conftest import JSONClient
from tests.sockets import Socket, SocketServer
from tests.staff import permissions_named, user_with_scopes

pytestmark = pytest.mark.django_db(transaction=True)

NOT_AUTHENTICATED, FORBIDDEN = 4001, 4003

# Each action, and what it is answered to whoever may watch; nothing else is on this table's socket.
ACTION_ANSWERS = {
    "subscribe": ({"action": "subscribe", "all": True}, "snapshot"),
    "unsubscribe": ({"action": "unsubscribe", "all": True}, None),
    "ping": ({"action": "ping"}, "pong"),
}
PASSWORD = "correct-horse-battery"


def key_of(*scopes: str, **more) -> dict[str, str]:
    return {"X-Api-Key": create_api_client(name="tests", scopes=scopes, **more).api_key}


def revoked() -> dict[str, str]:
    made = create_api_client(name="tests", scopes=["inventory:read"])
    revoke_api_client(client_id=made.client.public_id)
    return {"X-Api-Key": made.api_key}


def rotated() -> dict[str, str]:
    made = create_api_client(name="tests", scopes=["inventory:read"])
    rotate_keys(client_id=made.client.public_id, overlap=timedelta(0))
    return {"X-Api-Key": made.api_key}


def bearer(token: str | None = None, **flags: bool) -> dict[str, str]:
    if token is None:
        token = issue_tokens(user=User.objects.create_user("ada", password=PASSWORD, **flags)).access
    return {"Authorization": f"Bearer {token}"}


def of_staff(*scopes: str) -> dict[str, str]:
    return bearer(issue_tokens(user=user_with_scopes("ada", *scopes)).access)


def expired_token() -> dict[str, str]:
    token = AccessToken.for_user(user_with_scopes("ada", "inventory:read"))
    token.set_exp(lifetime=-timedelta(minutes=1))
    return bearer(str(token))


def of_deactivated() -> dict[str, str]:
    headers = of_staff("inventory:read")
    User.objects.update(is_active=False)
    return headers


def ticket_of(headers: dict[str, str]) -> str:
    answer = JSONClient().post("/api/v1/realtime/tickets/", headers=headers)
    assert answer.status_code == 201
    return answer.json()["ticket"]


LET_IN: dict[str, Callable[[], dict[str, str]]] = {
    "a key with inventory:read": lambda: key_of("inventory:read"),
    "a key in Authorization": lambda: {"Authorization": f"Api-Key {key_of('inventory:read')['X-Api-Key']}"},
    "a key that will expire": lambda: key_of("inventory:read", expires_at=timezone.now() + timedelta(hours=1)),
    "a token of staff who may view stock": lambda: of_staff("inventory:read"),
    "a token of a superuser": lambda: bearer(is_superuser=True),
}
REFUSED: dict[str, tuple[Callable[[], dict[str, str]], int]] = {
    "without anything": (dict, NOT_AUTHENTICATED),
    "a foreign key": (lambda: {"X-Api-Key": "abcdefgh.0123456789abcdef0123456789abcdef"}, NOT_AUTHENTICATED),
    "a revoked key": (revoked, NOT_AUTHENTICATED),
    "a rotated key": (rotated, NOT_AUTHENTICATED),
    "an expired key": (lambda: key_of("inventory:read", expires_at=timezone.now()), NOT_AUTHENTICATED),
    "a token of a customer": (bearer, FORBIDDEN),
    "a token of staff without permissions": (of_staff, FORBIDDEN),
    "a token of staff who may not view stock": (lambda: of_staff("inventory:write", "products:read"), FORBIDDEN),
    "an expired token": (expired_token, NOT_AUTHENTICATED),
    "a token of somebody deactivated": (of_deactivated, NOT_AUTHENTICATED),
    "a foreign token": (lambda: bearer("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"), NOT_AUTHENTICATED),
    "a broken token": (lambda: bearer("a.b.c"), NOT_AUTHENTICATED),
    "no token": (lambda: bearer(""), NOT_AUTHENTICATED),
    "another scheme": (lambda: {"Authorization": "Basic YTpi"}, NOT_AUTHENTICATED),
    "a bad key and a good token": (lambda: of_staff("inventory:read") | {"X-Api-Key": "a.b"}, NOT_AUTHENTICATED),
    "a storefront": (lambda: key_of("inventory:read", tier="storefront"), FORBIDDEN),
    "a storefront with every scope": (lambda: key_of(*ALL_SCOPES, tier="storefront"), FORBIDDEN),
    "no scope": (key_of, FORBIDDEN),
    **{
        f"only {scope}": (lambda scope=scope: key_of(scope), FORBIDDEN)
        for scope in ALL_SCOPES
        if scope != "inventory:read"
    },
    "every scope but inventory:read": (lambda: key_of(*set(ALL_SCOPES) - {"inventory:read"}), FORBIDDEN),
}


def outcome(open_socket: Callable[[], Socket], action: str) -> str | int | None:
    """What an action is answered, or the code that the connection is closed with."""
    message, answered = ACTION_ANSWERS[action]
    with open_socket() as socket:
        try:
            socket.send(**message)
            if answered is None:
                socket.send(action="ping")
            said = socket.receive()["type"]
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else None
    return None if answered is None and said == "pong" else said


def test_the_table_has_every_action():
    assert set(ACTION_ANSWERS) == set(ACTIONS)


@pytest.mark.parametrize("who", LET_IN)
def test_a_caller_who_may_watch_may_use_every_action(sockets: SocketServer, who: str):
    headers = LET_IN[who]()

    assert {action: outcome(lambda: sockets.socket(**headers), action) for action in ACTIONS} == {
        action: answered for action, (_, answered) in ACTION_ANSWERS.items()
    }


@pytest.mark.parametrize("who", REFUSED)
def test_any_other_caller_may_use_no_action(sockets: SocketServer, who: str):
    make, code = REFUSED[who]
    headers = make()

    assert {outcome(lambda: sockets.socket(**headers), action) for action in ACTIONS} == {code}


def test_a_ticket_opens_one_socket(sockets: SocketServer):
    query = f"?ticket={ticket_of(key_of('inventory:read'))}"

    assert outcome(lambda: sockets.socket(query=query), "ping") == "pong"
    assert outcome(lambda: sockets.socket(query=query), "ping") == NOT_AUTHENTICATED


@pytest.mark.parametrize("query", ["?ticket=", "?ticket=wrong", "?ticket=%00", "?ticket=a&ticket=b", "?ticket=%ff"])
def test_a_bad_ticket_is_not_excused_by_a_good_key(sockets: SocketServer, query: str):
    headers = key_of("inventory:read")

    assert outcome(lambda: sockets.socket(query=query, **headers), "ping") == NOT_AUTHENTICATED


def test_a_ticket_is_worth_no_more_than_what_it_was_asked_for_with(sockets: SocketServer):
    made = create_api_client(name="tests", scopes=["inventory:read"])
    ticket = ticket_of({"X-Api-Key": made.api_key})
    revoke_api_client(client_id=made.client.public_id)

    assert outcome(lambda: sockets.socket(query=f"?ticket={ticket}"), "ping") == NOT_AUTHENTICATED


@pytest.mark.parametrize(
    ("origin", "said"),
    [
        ("http://127.0.0.1:8000", "pong"),
        ("http://localhost", "pong"),
        ("https://evil.example", FORBIDDEN),
        ("http://127.0.0.1.evil.example", FORBIDDEN),
        ("null", FORBIDDEN),
        ("file://127.0.0.1", FORBIDDEN),
        ("", FORBIDDEN),
        ("http://[", FORBIDDEN),
    ],
)
def test_a_page_of_another_origin_is_refused(sockets: SocketServer, origin: str, said: str | int):
    headers = key_of("inventory:read")

    assert outcome(lambda: sockets.socket(Origin=origin, **headers), "ping") == said


def test_a_foreign_page_does_not_use_up_a_ticket(sockets: SocketServer):
    query = f"?ticket={ticket_of(key_of('inventory:read'))}"

    assert outcome(lambda: sockets.socket(query=query, Origin="https://evil.example"), "ping") == FORBIDDEN
    assert outcome(lambda: sockets.socket(query=query), "ping") == "pong"


def test_the_server_looks_again_within_a_minute():
    assert RECHECK_SECONDS <= 30


@pytest.mark.parametrize(
    "bounds",
    [("hub.RECHECK_SECONDS = 1",), pytest.param((), marks=pytest.mark.slow)],
    ids=["looking every second", "as it is started"],
)
@pytest.mark.usefixtures("sockets")
def test_what_ends_closes_its_sockets_within_a_minute(bounds: tuple[str, ...]):
    """One wait for all of them."""
    sockets = SocketServer(*bounds).start()
    key, by_ticket, scope, tier, kept = (create_api_client(name="tests", scopes=["inventory:read"]) for _ in range(5))
    ada, eve, ben, dan = (user_with_scopes(name, "inventory:read") for name in ("ada", "eve", "ben", "dan"))
    dans_key = {"Authorization": f"Bearer {issue_tokens(user=dan).access}"}
    short = AccessToken.for_user(ada)
    short.set_exp(lifetime=timedelta(seconds=3))
    opened = {
        "revoked": sockets.socket(key.api_key),
        "its ticket": sockets.socket(query=f"?ticket={ticket_of({'X-Api-Key': by_ticket.api_key})}"),
        "scope": sockets.socket(scope.api_key),
        "kind": sockets.socket(tier.api_key),
        "expired": sockets.socket(**bearer(str(short))),
        "password": sockets.socket(**bearer(issue_tokens(user=eve).access)),
        "permission": sockets.socket(**bearer(issue_tokens(user=ben).access)),
        "permission of a ticket": sockets.socket(query=f"?ticket={ticket_of(dans_key)}"),
    }
    stays = sockets.socket(kept.api_key)

    revoke_api_client(client_id=key.client.public_id)
    rotate_keys(client_id=by_ticket.client.public_id, overlap=timedelta(0))
    update_api_client(client_id=scope.client.public_id, values={"scopes": ["products:read"]})
    update_api_client(client_id=tier.client.public_id, values={"tier": "storefront"})
    eve.set_password("another-horse-battery")
    eve.save(update_fields=["password"])
    ben.user_permissions.remove(*permissions_named("inventory.view_stocklevel"))
    dan.user_permissions.clear()

    with stays, contextlib.ExitStack() as all_of_them:
        all_of_them.callback(sockets.kill)
        codes = {name: all_of_them.enter_context(socket).closed(60) for name, socket in opened.items()}
        assert codes == dict.fromkeys(opened, NOT_AUTHENTICATED)
        assert stays.ask(action="ping") == {"type": "pong"}


def test_an_address_that_connects_too_often_gets_the_code_try_later(sockets: SocketServer):
    server = SocketServer(RATE_LIMITS='{"address": "2/minute"}', TRUSTED_PROXIES="127.0.0.0/8").start()
    headers = key_of("inventory:read")

    def knock(address: str) -> str | int | None:
        return outcome(lambda: server.socket(**headers, **{"X-Forwarded-For": address}), "ping")

    try:
        said = [knock("192.0.2.1") for _ in range(3)]
        another = knock("192.0.2.2")
    finally:
        server.kill()

    assert said == ["pong", "pong", 1013]
    assert another == "pong"
