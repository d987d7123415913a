"""Content-Security-Policy: nothing at all for programs' answers, what they need for the pages."""

from typing import Any

from csp.middleware import CSPMiddleware, PolicyParts
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase


class ContentSecurityPolicyMiddleware(CSPMiddleware):
    """Each answer gets the policy of its address: a page's of `PAGE_POLICIES`, else that of the API."""

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
        return parts


def policy_of(path: str) -> dict[str, Any] | None:
    """The page's policy; nothing where the API's holds."""
    policies: dict[str, dict[str, Any]] = settings.PAGE_POLICIES
    for address, policy in policies.items():
        if path == address or (address.endswith("/") and address != "/" and path.startswith(address)):
            return policy
    return None
