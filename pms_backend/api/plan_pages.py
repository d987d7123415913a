"""The pages of bulk changes in the admin: a preview, then the plan that it has shown is applied, once."""

import hashlib
from collections.abc import Callable
from typing import Final, TypeVar

from django import forms
from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _

from pms_backend.api.idempotency import IdempotencyInProgress
from pms_backend.api.service_admin import RefusalsAsFormErrors
from pms_backend.api.services import act_once

PREVIEW: Final = "service_admin/preview.html"

Result = TypeVar("Result")


def apply_plan(request: HttpRequest, act: Callable[[], Result]) -> Result | None:
    """What `act` returns, which applies the signed `plan` of the request; None, and a message, if it is not applied.

    A plan is applied once, however often its page is sent.
    """
    form = forms.Form(request.POST)
    key = hashlib.sha256(request.POST["plan"].encode()).digest()
    try:
        with RefusalsAsFormErrors(form):
            result = act_once(key=key, act=act)
            if result is None:
                messages.warning(request, _("This was applied already; nothing was changed a second time."))
            return result
    except IdempotencyInProgress:
        messages.warning(request, _("It is being applied at this moment: do not repeat it."))
        return None
    why = " ".join(map(str, form.non_field_errors()))
    messages.error(request, _("Nothing was changed: %(why)s") % {"why": why})
    return None


def plan_not_valid() -> str:
    """What to say of a plan that is forged, too old, or another user's."""
    return _("This preview is not valid any more, so that nothing was changed. Look again.")
