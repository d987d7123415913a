"""Hides secrets in log lines: values by their names, and texts by their shapes, in messages and tracebacks alike.

What logs a secret is wrong all the same: names and shapes are guesses. Other people's libraries log and raise what they
like, though. Not found are secrets without a known name or shape, those within further brackets than the first pair,
and those in JSON that is itself a text of JSON.
"""

import functools
import re
from collections.abc import Callable
from typing import Any, Final

HIDDEN: Final = "[hidden]"
# Of a longer text the middle is left out. A traceback is shorter, unless it is of a chain of errors.
MAX_TEXT_LENGTH: Final = 16_000

# Parts of names, in lower case, of headers, parameters, fields and variables whose values are secret.
_SECRET_NAMES: Final = (
    "authorization", "api-key", "api_key", "apikey", "cookie", "credential", "passw", "pwd", "private_key", "secret",
    "sessionid", "signature", "ticket", "token",
)  # fmt: skip
# No pattern takes more than a fixed number of steps for each character, whatever the text is: clients choose texts.
_NAME: Final = rf"(?:{'|'.join(_SECRET_NAMES)})[\w-]{{0,40}}"
# The second and the fourth: the quote of the end is missing.
_QUOTED: Final = r'b?(?:"(?:[^"\\]|\\.){0,2000}+"|"[^\n]*|\'(?:[^\'\\]|\\.){0,2000}+\'|\'[^\n]*)'
# Lists, tuples and dictionaries.
_BRACKETED: Final = rf"[\[({{](?:{_QUOTED}|[^\])}}\"'\n])*+[\])}}]?"
# `name=value`, `name: value`, `name('value'`, and pairs of a name and a value as Python and JSON write them. Of a
# header that is written without quotes the rest of the line is its value.
_NAMED: Final = re.compile(
    rf"(?P<name>{_NAME})(?P<between>[\"']?\s{{0,9}}[:=]\s{{0,9}}|[\"'],\s{{0,9}}|\((?=b?[\"']))"
    rf"(?P<value>{_QUOTED}|{_BRACKETED}|(?:Bearer|Basic|Token|Api-Key)\s+[^\s,;&\"')\]}}]+"
    r"|[^\s,;&\"')\]}]+(?:;\s*[\w-]+=[^\s;]+)*)",
    re.IGNORECASE | re.DOTALL,
)
# A password may have a slash or an `@`. A user without a password may be the key of a DSN.
_USER_INFO: Final = re.compile(r"(://)(?:[^\s/:@'\"]{0,200}:[^\s'\"]{0,300}|[^\s/:@'\"]{1,200})@")


def _unless_hidden(match: re.Match[str]) -> str:
    return f"{match['name']}{match['between']}{HIDDEN}"


# Each shape with the marks of which a text must contain one, in lower case: to look for them costs much less than to
# search with the pattern.
_SHAPES: Final[tuple[tuple[tuple[str, ...], re.Pattern[str], str | Callable[[re.Match[str]], str]], ...]] = (
    # A password or a key in a URL.
    (("@",), _USER_INFO, rf"\1{HIDDEN}@"),
    (("hooks.slack.com",), re.compile(r"(hooks\.slack\.com/services/)[\w/-]+"), rf"\1{HIDDEN}"),
    # What PostgreSQL refuses: a row with all its values, the columns of a key, JSON.
    (("failing row",), re.compile(r"(Failing row contains ).*"), rf"\1{HIDDEN}"),
    (("key (",), re.compile(r"(Key \([^)]{0,200}\)=).*"), rf"\1{HIDDEN}"),
    (("json data",), re.compile(r"(JSON data, line \d+: ).*"), rf"\1{HIDDEN}"),
    # What another server answered, in its own words: it may repeat what it was sent.
    (("answered ",), re.compile(r"(\banswered [1-5][0-9]{2}(?: \([^)]{0,200}\))?): .*"), r"\1"),
    # JSON Web Tokens.
    (("eyj",), re.compile(r"\beyJ[\w-]{5,}(?:\.[\w-]*){0,2}"), HIDDEN),
    # Signing keys of webhooks, and their signatures.
    (("whsec_",), re.compile(r"whsec_[\w+/=-]+"), HIDDEN),
    (("v1,",), re.compile(r"\bv1,[\w+/]{20,}=*"), HIDDEN),
    # What a Fernet key has encrypted.
    (("gaaaa",), re.compile(r"\bgAAAA[\w-]{20,}=*"), HIDDEN),
    (_SECRET_NAMES, _NAMED, _unless_hidden),
)
_MARKS: Final = tuple(mark for marks, _, _ in _SHAPES for mark in marks)
# An API key: a prefix, which is no secret, a point, and the secret. The point comes first, which is searched quickly.
_API_KEY: Final = re.compile(r"\.(?<=\b[A-Za-z0-9]{8}\.)[A-Za-z0-9]{32,}\b")
# 32 random bytes in base64: Fernet keys, tickets, signing keys of clients. Without a capital letter it is a name.
_KEY_BYTES: Final = re.compile(r"(?<![\w+/-])(?=[\w+/-]*[A-Z])[\w+/-]{43}=?(?![\w+/=-])")
_KEY_LENGTH: Final = 43


def redact(values: dict[str, Any], *, known: frozenset[str] = frozenset()) -> None:
    """Puts `[hidden]` in place of the values whose names say that they are secret, and of secrets within texts.

    Cuts long texts. Values whose names are `known` have no secrets, and are not searched.
    """
    for name in _secret_names(tuple(values)):
        values[name] = HIDDEN
    texts = [
        value
        for name, value in values.items()
        if name not in known and (value.__class__ is str or isinstance(value, str))
    ]
    longest = len(max(texts, key=len, default=""))
    # Nearly all lines have nothing to hide: one look at all their texts is cheaper than one at each.
    if longest > MAX_TEXT_LENGTH or may_have_secrets("\n".join(texts)):
        for name, value in values.items():
            if isinstance(value, str):
                values[name] = redacted(value)


def may_have_secrets(text: str) -> bool:
    """Whether `redacted` might find one: quick, and never False where it would."""
    lower = text.lower()
    return bool(
        _API_KEY.search(text)
        or [mark for mark in _MARKS if mark in lower]
        or (len(text) >= _KEY_LENGTH and _KEY_BYTES.search(text))
    )


def redacted(text: str) -> str:
    """The text with `[hidden]` in place of its secrets, without its middle if it is long."""
    if len(text) > MAX_TEXT_LENGTH:
        text = f"{text[: MAX_TEXT_LENGTH // 2]} […] {text[-MAX_TEXT_LENGTH // 2 :]}"
    lower = text.lower()
    for marks, pattern, replacement in _SHAPES:
        if any(mark in lower for mark in marks):
            text = pattern.sub(replacement, text)
    return _KEY_BYTES.sub(HIDDEN, _API_KEY.sub(f".{HIDDEN}", text))


# Few different ones: each place in the code that logs has its own.
@functools.lru_cache(maxsize=1_000)
def _secret_names(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if any(part in name.lower() for part in _SECRET_NAMES))
