"""URLs of pictures, as far as they can be judged without asking anybody."""

from pms_backend import outbound


def problem_of_url(url: str) -> str | None:
    """What is wrong with it, in words. Where its host leads is the outbound guard's to say, when it is called."""
    try:
        outbound.parse_target(url)
    except outbound.Forbidden as error:
        return str(error)
    return None
