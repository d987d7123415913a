"""Whether the stack answers, asked from outside."""

import http.client

from pms_backend.standalone import limits
from pms_backend.standalone.configuration import Configuration
from pms_backend.standalone.ports import accepts, reachable

READY_PATH = "/health/ready"


def is_ready(configuration: Configuration) -> bool:
    """The web server says so, and the socket server accepts connections."""
    seconds = limits.READY_REQUEST_SECONDS
    connection = http.client.HTTPConnection(reachable(configuration.host), configuration.port, timeout=seconds)
    try:
        connection.request("GET", READY_PATH)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return status == http.client.OK and accepts(configuration.host, configuration.ws_port, seconds)
