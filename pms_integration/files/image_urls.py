"""URLs of pictures, as far as they can be judged without asking anybody."""

from urllib.parse import urlsplit

from products.models import MAX_URL_LENGTH


def problem_of_url(url: str) -> str | None:
    """What is wrong with it, in words. Whether its host may be asked is the outbound guard's to say, when it is."""
    if len(url) > MAX_URL_LENGTH:
        return f"An address has at most {MAX_URL_LENGTH} characters."
    if any(character.isspace() or not character.isprintable() for character in url):
        return "An address holds no spaces and no control characters."
    try:
        parts = urlsplit(url)
        named = parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        return f"{url[:100]} is no address."
    if parts.scheme not in ("http", "https") or not named:
        return f"{url[:100]} is no address of the web."
    if parts.username is not None or parts.password is not None:
        return "An address holds no user and no password."
    return None
