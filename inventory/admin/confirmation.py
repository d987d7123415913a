"""Actions of the admin that ask before they change something."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from pms_backend.api.service_admin import EmptyForm, RefusalsAsFormErrors, ServiceAdmin


def confirmed(
    admin: ServiceAdmin, request: HttpRequest, service: Callable[[], Any], *, success: str, back: str, **page: Any
) -> HttpResponse:
    """Calls the service once the form is sent, and leads `back` with the message `success`; else shows the form.

    The form's page has the texts `title`, `note` and `button`, and what the service refused.
    """
    form = EmptyForm(request.POST or None)
    if form.is_valid():
        with RefusalsAsFormErrors(form):
            service()
            messages.success(request, success)
            return HttpResponseRedirect(back)
    return admin.form_page(request, form, back=back, **page)
