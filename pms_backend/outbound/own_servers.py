"""Requests to servers of our own, whose addresses are settings and not checked."""

from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from pms_backend.outbound.exceptions import Unreachable


def get_status(url: str, *, host: str, seconds: float) -> int:
    """Returns the status of the answer to a GET with this `Host`, as a proxy sends it.

    Raises `TimeoutError` or `Unreachable`.
    """
    parts = urlsplit(url)
    connect = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = connect(parts.hostname or "", parts.port, timeout=seconds)
    try:
        connection.request("GET", parts.path, headers={"Host": host, "X-Forwarded-Proto": "https"})
        return connection.getresponse().status
    except TimeoutError:
        raise
    except (OSError, HTTPException) as error:
        raise Unreachable(type(error).__name__) from None
    finally:
        connection.close()
