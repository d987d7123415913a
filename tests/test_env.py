"""Reading the environment: what is right is taken, what is wrong is named in one line."""

import os
import socket

import orjson
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from pms_backend import env


def refused(read, *arguments, **more) -> str:
    with pytest.raises(ImproperlyConfigured) as caught:
        read("NAME", *arguments, **more)
    return str(caught.value)


@pytest.fixture(autouse=True)
def _unset(monkeypatch):
    monkeypatch.delenv("NAME", raising=False)


@pytest.fixture
def name(monkeypatch):
    return lambda value: monkeypatch.setenv("NAME", value)


def test_a_text_is_taken_as_it_is(name):
    name(" as it is ")

    assert env.text("NAME") == " as it is "


def test_a_text_that_is_not_set_has_its_default():
    assert env.text("NAME", "default") == "default"


def test_a_required_text_that_is_not_set_is_named():
    assert refused(env.text) == "NAME is required and not set."


@pytest.mark.parametrize("value", ["1", "true", "YES", " on "])
def test_a_flag_is_on(name, value):
    name(value)

    assert env.flag("NAME", default=False) is True


@pytest.mark.parametrize("value", ["0", "False", "no", "off"])
def test_a_flag_is_off(name, value):
    name(value)

    assert env.flag("NAME", default=True) is False


def test_a_flag_that_is_not_set_has_its_default():
    assert env.flag("NAME", default=True) is True
    assert env.flag("NAME", default=False) is False


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (lambda: env.text("NAME", "default"), "default"),
        (lambda: env.flag("NAME", default=True), True),
        (lambda: env.integer("NAME", 5, minimum=1, maximum=10), 5),
        (lambda: env.choice("NAME", "b", allowed=("a", "b")), "b"),
        (lambda: env.redis("NAME", "redis://host"), "redis://host"),
    ],
)
def test_an_empty_variable_counts_as_not_set(name, read, value):
    name("")

    assert read() == value


def test_a_required_text_that_is_empty_is_named(name):
    name("")

    assert refused(env.text) == "NAME is required and not set."


def test_a_flag_that_is_no_word_is_named(name):
    name("maybe")

    assert refused(env.flag, default=False) == "NAME must be one of 1, true, yes, on, 0, false, no, off; it is 'maybe'."


@pytest.mark.parametrize(("value", "number"), [("1", 1), (" 10 ", 10)])
def test_an_integer_within_its_bounds_is_taken(name, value, number):
    name(value)

    assert env.integer("NAME", 5, minimum=1, maximum=10) == number


@pytest.mark.parametrize("value", ["0", "11", "1.5", "one"])
def test_any_other_integer_is_named(name, value):
    name(value)

    message = refused(env.integer, 5, minimum=1, maximum=10)

    assert message == f"NAME must be a whole number from 1 to 10; it is {value!r}."


@pytest.mark.parametrize(("value", "words"), [("", []), ("a", ["a"]), (" a , b,,", ["a", "b"])])
def test_a_listing_is_split_at_its_commas(name, value, words):
    name(value)

    assert env.listing("NAME") == words


def test_a_choice_is_one_of_those_allowed(name):
    name("b ")

    assert env.choice("NAME", "a", allowed=("a", "b")) == "b"


def test_any_other_choice_is_named(name):
    name("c")

    assert refused(env.choice, "a", allowed=("a", "b")) == "NAME must be one of a, b; it is 'c'."


@pytest.mark.parametrize(("value", "words"), [("", {}), ('{"a": "b"}', {"a": "b"})])
def test_a_mapping_is_a_json_object_of_texts(name, value, words):
    name(value)

    assert env.mapping("NAME") == words


@pytest.mark.parametrize("value", ["{", "[]", '"a"', '{"a": 1}', '{"a": null}'])
def test_any_other_mapping_is_named(name, value):
    name(value)

    message = refused(env.mapping)

    assert message == f'NAME must be a JSON object such as {{"name": "value"}}; it is {value!r}.'


@pytest.mark.parametrize("value", ["", "x" * 32, "ä" * 16])
def test_a_secret_is_long_enough_or_not_there(name, value):
    name(value)

    assert env.secret("NAME", minimum=32) == value


def test_a_short_secret_is_named_and_not_repeated(name):
    name("abc-xyz")

    message = refused(env.secret, minimum=32)

    assert message == "NAME must have at least 32 characters: a shorter one can be guessed."


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("", ""),
        ("https://abc.supabase.co/", "https://abc.supabase.co"),
        (" http://127.0.0.1:54321 ", "http://127.0.0.1:54321"),
        ("http://[::1]:80", "http://[::1]:80"),
    ],
)
def test_an_origin_is_a_scheme_a_host_and_a_port(name, value, found):
    name(value)

    assert env.origin("NAME") == found


@pytest.mark.parametrize(
    "value",
    ["abc", "ftp://abc", "https://", "https://a/b", "https://a?b", "https://a#b", "https://me@a", "https://a:b",
     "https://a b", "https://a\nb"],
)  # fmt: skip
def test_any_other_origin_is_named(name, value):
    name(value)

    assert refused(env.origin) == "NAME must look like https://project.example.com, without a path."


def test_a_database_url_becomes_djangos_settings(name):
    name("postgresql://me:p%40ss@db.example.com:6432/shop?sslmode=require")

    found = env.database("NAME", pooler="none", program="web")

    assert found["ENGINE"] == "django.db.backends.postgresql"
    assert (found["NAME"], found["USER"], found["PASSWORD"]) == ("shop", "me", "p@ss")
    assert (found["HOST"], found["PORT"]) == ("db.example.com", "6432")
    assert found["OPTIONS"] == {
        "connect_timeout": 5, "application_name": "pms web", "prepare_threshold": 5, "sslmode": "require",
        "tcp_user_timeout": 20_000, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 2,
    }  # fmt: skip
    assert found["DISABLE_SERVER_SIDE_CURSORS"] is False


def test_a_database_url_may_say_for_how_long_a_connection_is_silent(name):
    name("postgresql://me@host/shop?tcp_user_timeout=5000&keepalives=0")

    options = env.database("NAME", pooler="none")["OPTIONS"]

    assert (options["tcp_user_timeout"], options["keepalives"]) == ("5000", "0")


@pytest.mark.django_db
def test_a_connection_notices_within_seconds_that_its_server_is_lost():
    connection.ensure_connection()

    with socket.socket(fileno=os.dup(connection.connection.fileno())) as own:
        names = (socket.TCP_USER_TIMEOUT, socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        assert [own.getsockopt(socket.IPPROTO_TCP, name) for name in names] == [20_000, 10, 5, 2]


def test_a_pooler_has_no_server_side_cursors_and_prepares_nothing(name):
    name("postgres://me@host/shop")

    found = env.database("NAME", pooler="transaction")

    assert found["DISABLE_SERVER_SIDE_CURSORS"] is True
    assert found["OPTIONS"]["prepare_threshold"] is None


@pytest.mark.parametrize(
    "value",
    [
        "shop",
        "mysql://me@host/shop",
        "postgresql://me@host",
        "postgresql://me@host/",
        "postgresql://me@host/shop?nonsense=1",
        "postgresql://me@host:port/shop",
        "postgresql://me@host:99999/shop",
        "postgresql://me:%zz@host/shop",
    ],
)
def test_any_other_database_url_is_named(name, value):
    name(value)

    message = refused(env.database, pooler="none")

    assert message == "NAME must look like postgresql://user:password@host:5432/database."


def test_a_refused_database_url_keeps_its_password(name):
    name("postgresql://me:secret@host:port/shop")

    assert "secret" not in refused(env.database, pooler="none")


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("redis://host", "redis://host"),
        ("redis://:secret@host:6379/", "redis://:secret@host:6379"),
        ("redis://:secret@host:6379/0", "redis://:secret@host:6379"),
        ("rediss://host:6380/15", "rediss://host:6380"),
    ],
)
def test_a_redis_url_loses_its_database(name, value, url):
    name(value)

    assert env.redis("NAME") == url


@pytest.mark.parametrize("value", ["host:6379", "http://host", "redis://", "redis://host/name", "redis://a/b/0"])
def test_any_other_redis_url_is_named(name, value):
    name(value)

    assert refused(env.redis) == "NAME must look like redis://:password@host:6379."


@pytest.mark.parametrize(
    "value", ["https://shop.example.com", "http://localhost:5173", "http://127.0.0.1", "https://[2001:db8::1]:8443"]
)
def test_origins_are_as_a_browser_names_them(name, value):
    name(f"{value}, https://other.example.com")

    assert env.origins("NAME") == [value, "https://other.example.com"]


@pytest.mark.parametrize(
    "value",
    [
        "*",
        "shop.example.com",
        "https://shop.example.com/",
        "https://*.example.com",
        "HTTPS://shop.example.com",
        "null",
        "https://user@shop.example.com",
        "https://shop.example.com?a",
        "ftp://shop.example.com",
        "https://:443",
        "https://shop.example.com:0",
        "https://shop..com",
        "https://a\nb",
    ],
)
def test_any_other_list_of_origins_is_named(name, value):
    name(value)

    assert refused(env.origins) == f"NAME must be origins such as https://shop.example.com; {value!r} is not."


def test_without_origins_there_are_none():
    assert env.origins("NAME_THAT_IS_NOT_SET") == []


@pytest.fixture
def stack(tmp_path, monkeypatch):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    (tmp_path / "environment.json").write_bytes(orjson.dumps({"DATABASE_URL": "theirs", "NAME": "theirs"}))
    return tmp_path


def test_a_running_stacks_environment_is_adopted(stack, monkeypatch):
    monkeypatch.setattr("os.environ", environ := {})

    env.load_stack(stack, environ)

    assert environ == {"DATABASE_URL": "theirs", "NAME": "theirs"}


def test_what_the_caller_set_wins_over_the_stack(stack, monkeypatch):
    monkeypatch.setattr("os.environ", environ := {"NAME": "mine"})

    env.load_stack(stack, environ)

    assert environ == {"DATABASE_URL": "theirs", "NAME": "mine"}


def test_an_empty_variable_of_the_caller_does_not_win(stack, monkeypatch):
    monkeypatch.setattr("os.environ", environ := {"DATABASE_URL": "", "NAME": ""})

    env.load_stack(stack, environ)

    assert environ == {"DATABASE_URL": "theirs", "NAME": "theirs"}


def test_a_caller_with_the_database_of_the_stack_adopts_the_rest(stack, monkeypatch):
    monkeypatch.setattr("os.environ", environ := {"DATABASE_URL": "theirs"})

    env.load_stack(stack, environ)

    assert environ == {"DATABASE_URL": "theirs", "NAME": "theirs"}


def test_a_caller_with_a_database_of_its_own_adopts_nothing(stack, monkeypatch):
    monkeypatch.setattr("os.environ", environ := {"DATABASE_URL": "mine"})

    env.load_stack(stack, environ)

    assert environ == {"DATABASE_URL": "mine"}


def test_without_a_stack_nothing_is_adopted(tmp_path, monkeypatch):
    monkeypatch.setattr("os.environ", environ := {})

    env.load_stack(tmp_path, environ)

    assert environ == {}


@pytest.mark.parametrize(("value", "number"), [("0", 0.0), (" 0.25 ", 0.25), ("1", 1.0)])
def test_a_fraction_is_read(name, value, number):
    name(value)

    assert env.fraction("NAME", 0.5) == number


def test_a_fraction_that_is_not_set_has_its_default():
    assert env.fraction("NAME", 0.5) == 0.5


def test_a_fraction_that_is_empty_has_its_default(name):
    name("")

    assert env.fraction("NAME", 0.5) == 0.5


@pytest.mark.parametrize("value", ["10%", "-0.1", "1.1", "nan"])
def test_a_wrong_fraction_is_refused(name, value):
    name(value)

    assert refused(env.fraction, 0.5) == f"NAME must be a number from 0 to 1; it is {value!r}."


def test_an_address_with_a_secret_is_taken_as_it_is(name):
    name(" https://hooks.example.com/services/T0/secret?thread=1 ")

    assert env.secret_url("NAME") == "https://hooks.example.com/services/T0/secret?thread=1"


@pytest.mark.parametrize("value", ["ftp://h/x", "hooks.example.com/x", "https://", "https://h:0/", "https://h/a b"])
def test_what_is_no_address_is_named_without_the_secret(name, value):
    name(value)

    assert refused(env.secret_url) == "NAME must look like https://hooks.example.com/services/secret."


@pytest.mark.parametrize("value", ["https://key@sentry.example.com/1", "http://key:secret@127.0.0.1:9000/path/23"])
def test_a_dsn_is_taken(name, value):
    name(value)

    assert env.sentry_dsn("NAME") == value


@pytest.mark.parametrize(
    "value", ["https://sentry.example.com/1", "https://key@host/", "key@host/1", "https://k@h:x/1"]
)
def test_what_is_no_dsn_is_named(name, value):
    name(value)

    assert refused(env.sentry_dsn) == "NAME must look like https://key@sentry.example.com/1."


WITH_ADDRESSES = "?from=pms@example.com&to=ada@example.com,%20ben@example.com"


@pytest.mark.parametrize(
    ("value", "server"),
    [
        ("smtp://relay.example.com", ("relay.example.com", 25, "", "", False, False)),
        ("smtp://u:p%40ss@mail.example.com:587", ("mail.example.com", 587, "u", "p@ss", True, False)),
        ("smtp://u:p@127.0.0.1:2525", ("127.0.0.1", 2525, "u", "p", False, False)),
        ("smtp+starttls://mail.example.com", ("mail.example.com", 587, "", "", True, False)),
        ("smtps://u%40x:p@mail.example.com/", ("mail.example.com", 465, "u@x", "p", False, True)),
    ],
)
def test_a_mail_server_is_read(name, value, server):
    name(value + WITH_ADDRESSES)

    found = env.mail_server("NAME")

    assert (found.host, found.port, found.user, found.password, found.starttls, found.tls) == server
    assert (found.sender, found.recipients) == ("pms@example.com", ("ada@example.com", "ben@example.com"))


def test_no_mail_server_is_one_that_sends_nothing():
    assert env.mail_server("NAME") == env.MailServer()


@pytest.mark.parametrize(
    "value",
    [
        "mail.example.com",
        "http://mail.example.com" + WITH_ADDRESSES,
        "smtp://mail.example.com",
        "smtp://mail.example.com?from=pms@example.com",
        "smtp://mail.example.com?from=pms&to=ada@example.com",
        "smtp://mail.example.com?from=a@b.example&to=ada@example.com&starttls=0",
        "smtp://mail.example.com:x" + WITH_ADDRESSES,
        "smtp://u:hidden@mail.example.com/path" + WITH_ADDRESSES,
    ],
)
def test_what_is_no_mail_server_is_named_without_its_password(name, value):
    name(value)

    problem = refused(env.mail_server)

    assert problem.startswith("NAME must look like smtp://user:password@mail.example.com:587?from=pms@example.com&to=")
    assert "hidden" not in problem
