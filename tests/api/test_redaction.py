"""Secrets never reach the log: by the name of a value, and by the shape of a text."""

import json
import logging
import resource
import subprocess
import sys

import psycopg
import pytest
from cryptography.fernet import Fernet

from pms_backend.api.logs import line_formatter
from pms_backend.api.redaction import MAX_TEXT_LENGTH, redact, redacted

KEY = "AbCdEfG1.0123456789abcdefABCDEF0123456789"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg"
FERNET_KEY = "3vQ1b0cVxN4lZ8m2Yt6uJ7kR5wE9aS0dF1gH2jK3lM4="
TICKET = "Qw3rTyUiOpAsDfGhJkLzXcVbNm-1234567890_qWeRt"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        # By shape.
        (f"the key {KEY} is refused", "the key AbCdEfG1.[hidden] is refused"),
        (f"no user has {TOKEN}", "no user has [hidden]"),
        ("signed with whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw+/=", "signed with [hidden]"),
        ("got v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=", "got [hidden]"),
        (f"keys {FERNET_KEY} and {TICKET}", "keys [hidden] and [hidden]"),
        ("postgresql://pms:pa55-word@db:5432/pms", "postgresql://[hidden]@db:5432/pms"),
        ("redis://:pa55-word@cache:6379/1 is away", "redis://[hidden]@cache:6379/1 is away"),
        ("DETAIL:  Failing row contains (1, Cup, 12.50).", "DETAIL:  Failing row contains [hidden]"),
        ("DETAIL:  Key (token)=(s3cr)3t) already exists.", "DETAIL:  Key (token)=[hidden]"),
        ('CONTEXT:  JSON data, line 1: {"name": ...', "CONTEXT:  JSON data, line 1: [hidden]"),
        ("postgresql://pms:pa5/5w@rd@db/pms", "postgresql://[hidden]@db/pms"),
        ("to https://0123456789abcdef@sentry.io/1", "to https://[hidden]@sentry.io/1"),
        ("https://hooks.slack.com/services/T0/B1/x_-Y is away", "https://hooks.slack.com/services/[hidden] is away"),
        # By name.
        ("GET /ws/stock/?ticket=abc&x=1", "GET /ws/stock/?ticket=[hidden]&x=1"),
        ("host=db password=pa55 user=pms", "host=db password=[hidden] user=pms"),
        ("Authorization: Bearer abc.def, Accept: x", "Authorization: [hidden], Accept: x"),
        ("X-Api-Key: abc", "X-Api-Key: [hidden]"),
        ("Cookie: sessionid=abc; csrftoken=def", "Cookie: [hidden]"),
        ("{'X-API-Key': 'ab c', 'Accept': '*/*'}", "{'X-API-Key': [hidden], 'Accept': '*/*'}"),
        ('{"client_secret": "a\\"b", "n": 1}', '{"client_secret": [hidden], "n": 1}'),
        ("[(b'authorization', b'Basic YTpi'), (b'accept', b'x')]", "[(b'authorization', [hidden]), (b'accept', b'x')]"),
        ("<QueryDict: {'password': ['hunter2']}>", "<QueryDict: {'password': [hidden]}>"),
        ("{'Authorization': ('Bearer abc',), 'n': 1}", "{'Authorization': [hidden], 'n': 1}"),
        ("[('password', ['x y']), ('n', ['1'])]", "[('password', [hidden]), ('n', ['1'])]"),
        ('{"secrets": ["a]", "b"], "n": 1}', '{"secrets": [hidden], "n": 1}'),
        ("credentials={'user': 'x', 'key': 'abc'} n=1", "credentials=[hidden] n=1"),
        ("tokens: [12, None, 'a' is", "tokens: [hidden]"),
        ("for SecretToken('abc')", "for SecretToken([hidden])"),
        # What is none of them.
        ("GET /api/v1/auth/token/ 401", "GET /api/v1/auth/token/ 401"),
        ("The token has expired", "The token has expired"),
        ("in test_a_function_with_a_name_of_43_characters_", "in test_a_function_with_a_name_of_43_characters_"),
        ("mail to ann@example.com", "mail to ann@example.com"),
        ("GET https://example.com/users/@ann", "GET https://example.com/users/@ann"),
        ("Key (sku) is missing", "Key (sku) is missing"),
        ("products.services.publish_due succeeded", "products.services.publish_due succeeded"),
    ],
)
def test_a_secret_in_a_text_is_hidden(text: str, written: str) -> None:
    assert redacted(text) == written


def test_new_keys_of_ours_are_hidden() -> None:
    assert redacted(f"<{Fernet.generate_key().decode()}>") == "<[hidden]>"
    assert redacted(Fernet(Fernet.generate_key()).encrypt(b"x").decode()) == "[hidden]"


def test_a_value_with_the_name_of_a_secret_is_hidden_whatever_it_is() -> None:
    values = {"event": "x", "signing_key_secret": 12, "PASSWORD": "a", "route": "/"}

    redact(values)

    assert values == {"event": "x", "signing_key_secret": "[hidden]", "PASSWORD": "[hidden]", "route": "/"}


@pytest.mark.parametrize("line_format", ["json", "text"])
def test_tracebacks_have_no_secret(line_format: str) -> None:
    error = psycopg.OperationalError('connection to "postgresql://pms:pa55-word@db/pms" failed: password=pa55-word')
    error.__cause__ = ValueError(f"{KEY} and {TOKEN}")
    record = logging.makeLogRecord({"msg": "x", "levelname": "ERROR", "exc_info": (type(error), error, None)})

    line = line_formatter(line_format, "web").format(record)

    assert [secret for secret in ("pa55-word", KEY.partition(".")[2], TOKEN) if secret in line] == []
    assert line_format == "text" or "ValueError: AbCdEfG1.[hidden]" in json.loads(line)["exception"]


class Text(str):
    """As Django's SafeString and TextChoices are."""


def test_a_text_of_a_class_of_its_own_is_searched_too() -> None:
    values = {"event": Text("token=abc"), "long": Text("a" * 20_000)}

    redact(values)

    assert (values["event"], len(values["long"])) == ("token=[hidden]", MAX_TEXT_LENGTH + 5)


def test_of_a_long_text_the_middle_is_left_out() -> None:
    values = {"event": "a" * 100_000 + "b" * 100_000, "n": 1}

    redact(values)

    half = MAX_TEXT_LENGTH // 2
    assert values == {"event": f"{'a' * half} […] {'b' * half}", "n": 1}


def test_a_secret_in_a_long_text_is_hidden() -> None:
    text = redacted("x " * 10_000 + "password=pa55")

    assert text.endswith("x password=[hidden]")


# Clients choose paths. A search that begins anew at each of these would take minutes.
ADVERSARIAL = (
    "token", "token ", "tokentoken-", "token=x;", "token=x; a=b;", 'token="\\', 'token=[\\"\n', "token:\n", "token([",
    '"', "'", ":", ".", "A", "aA+", "://", "://:", "://a:", "x@://", "eyJ-", "eyJ.", "eyJabcdef.", "answered 200 (",
    "failing row contains ", "Key (", "Key (a)=(", "JSON data, line 1", "hooks.slack.com/services/", "whsec_", "v1,",
    "gAAAA-", "abcdefgh.a",
)  # fmt: skip
REDACT = """
import sys
from pms_backend.api import redaction

redaction.MAX_TEXT_LENGTH = 1_000_000
for shape in sys.argv[1:]:
    text = shape * (100_000 // len(shape))
    redaction.redacted("@ token hooks.slack.com eyj answered failing row whsec_ v1, gaaaa key ( json data " + text)
    redaction.redacted("://" + text)
"""


def test_no_text_takes_more_than_a_fixed_number_of_steps_for_each_character() -> None:
    """Beyond its processor time, which does not depend on other programs, the process is killed."""
    subprocess.run(
        [sys.executable, "-c", REDACT, *ADVERSARIAL],
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (20, 20)),
    )
