"""What a preview has shown, as it travels in its page: signed, so that nothing else can be applied."""

from typing import Any, Final

from django.core import signing

# How long a preview may be applied.
MAX_AGE_SECONDS: Final = 60 * 60


def sign_plan(content: Any, *, name: str, user: int) -> str:
    """The text for the page of this user, of content that JSON can hold; `name` is of the kind of plan."""
    return signing.dumps({"user": user, "content": content}, salt=name, compress=True)


def read_plan(text: str, *, name: str, user: int) -> Any:
    """The content of a page. Raises `BadSignature`, also for another user's and for one that is too old."""
    signed = signing.loads(text, salt=name, max_age=MAX_AGE_SECONDS)
    if signed["user"] != user:
        raise signing.BadSignature
    return signed["content"]
