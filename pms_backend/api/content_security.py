"""Content-Security-Policy: nothing at all for programs' answers, what they need for the pages.

Pages also have the headers that keep other sites from framing them or reaching into their windows. The admin's may open
the stock socket of their own host, and no other.
"""

from typing import Any, Final

from csp.constants import HEADER
from csp.middleware import CSPMiddleware, PolicyParts
from csp.utils import build_policy
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.http.request import split_domain_port
from django.middleware.security import SecurityMiddleware

from pms_backend.api.response_headers import add_headers, header_of, prepared

# The pages that open sockets.
LIVE_PAGES: Final = "/admin/"
HTML_HEADERS: Final = {"X-Frame-Options": "DENY", "Cross-Origin-Opener-Policy": "same-origin"}
_HTML_HEADERS: Final = prepared(HTML_HEADERS)


class ContentSecurityPolicyMiddleware(CSPMiddleware):
    """Each answer gets the policy of its address: a page's of `PAGE_POLICIES`, else that of the API.

    The API's has no nonce, so it is put into words once; that of a page is another for each answer.
    """

    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response)
        self._policy_of_the_api = build_policy()

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Sets the headers."""
        if response.headers.get("Content-Type", "").startswith("text/html"):
            for name, value in HTML_HEADERS.items():
                response.headers.setdefault(name, value)
        if policy_of(request.path) is not None:
            return super().process_response(request, response)
        response.headers.setdefault(HEADER, self._policy_of_the_api)
        return response

    def get_policy_parts(
        self,
        request: HttpRequest,
        response: HttpResponseBase,
        report_only: bool = False,  # noqa: FBT001, FBT002 - its signature
    ) -> PolicyParts:
        """The policy of this address, with the nonce that its page asked for."""
        parts = super().get_policy_parts(request, response, report_only)
        if parts.config is None and not report_only:
            parts.config = policy_of(request.path)
            if request.path.startswith(LIVE_PAGES) and (origin := socket_origin(request)):
                parts.update = {**(parts.update or {}), "connect-src": [origin]}
        return parts


class ApiSecurityMiddleware(SecurityMiddleware):
    """Django's (the redirect to HTTPS, and its headers) and the policy of the API, with headers that are made once."""

    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response)
        nothing = HttpResponse()
        del nothing.headers["Content-Type"]
        self._headers_of_all = prepared(self.process_response(HttpRequest(), nothing).headers)
        self._headers = {**self._headers_of_all, **prepared({HEADER: build_policy()})}

    def __call__(self, request: HttpRequest) -> Any:
        redirect = self.process_request(request) if self.redirect else None
        if redirect is not None:
            add_headers(redirect, self._headers_of_all)
            return redirect
        response: Any = self.get_response(request)
        add_headers(response, self._headers)
        if header_of(response, "content-type")[:9] == "text/html":
            add_headers(response, _HTML_HEADERS)
        # The header of HTTPS.
        return self.process_response(request, response) if self.sts_seconds else response


def policy_of(path: str) -> dict[str, Any] | None:
    """The page's policy; nothing where the API's holds."""
    policies: dict[str, dict[str, Any]] = settings.PAGE_POLICIES
    for address, policy in policies.items():
        if path == address or (address.endswith("/") and address != "/" and path.startswith(address)):
            return policy
    return None


def socket_origin(request: HttpRequest) -> str:
    """The origin at which this request's browser reaches the sockets: the page's host name, maybe with another port.

    Empty for a host that is not allowed, and for an IPv6 address, which a policy cannot name.
    """
    try:
        domain, port = split_domain_port(request.get_host())
    except DisallowedHost:
        return ""
    if settings.PUBLIC_WS_PORT:
        port = str(settings.PUBLIC_WS_PORT)
    address = f"{domain}:{port}" if port else domain
    return "" if domain.startswith("[") else f"{'wss' if request.is_secure() else 'ws'}://{address}"
