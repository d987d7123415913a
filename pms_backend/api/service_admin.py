"""Base classes of the admin, which changes rows only through services and shows their refusals in forms."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar, Final

from django import forms
from django.contrib import messages
from django.contrib.admin import ShowFacets
from django.contrib.admin.utils import unquote
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.formats import localize
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from unfold.paginator import InfinitePaginator
from unfold.utils import prettify_json
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from pms_backend.api.admin_pagination import KeysFirstPaginator
from pms_backend.api.exceptions import DomainError, OutcomeUnknown
from pms_backend.api.form_refusals import add_refusal
from pms_backend.api.forms import DecimalField, IntegerField
from pms_backend.api.idempotency import IdempotencyInProgress
from pms_backend.api.moments import OUT_OF_BOUNDS, is_in_bounds
from pms_backend.api.transactions import retried_atomic
from pms_backend.api.typed_unfold import ModelAdmin, TabularInline

REFUSALS: Final = (DomainError, ValidationError, IntegrityError)
# These do not say that nothing was done.
UNDECIDED: Final = (OutcomeUnknown, IdempotencyInProgress)
# Colouring a longer one makes the page too slow.
MAX_COLOURED_BYTES: Final = 64 * 1024

# Strict form fields for numbers. The admin looks a column up by its class, so each class is listed.
STRICT_NUMBERS: Final[dict[Any, dict[str, Any]]] = {
    **{
        column: {"form_class": IntegerField, "widget": UnfoldAdminIntegerFieldWidget}
        for column in (
            models.IntegerField,
            models.BigIntegerField,
            models.SmallIntegerField,
            models.PositiveIntegerField,
            models.PositiveBigIntegerField,
            models.PositiveSmallIntegerField,
        )
    },
    models.DecimalField: {"form_class": DecimalField},
}

_REFUSAL: Final = "pms.refusal"


def refusal_of(request: HttpRequest) -> Exception | None:
    """The service's refusal because of which a form is shown again."""
    refusal: Exception | None = request.META.get(_REFUSAL)
    return refusal


class RefusalsAsFormErrors:
    """A context manager that adds a service's refusal to the form's errors and goes on after the block."""

    def __init__(self, form: forms.BaseForm) -> None:
        self._form = form

    def __enter__(self) -> None:
        """Does nothing."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> bool:
        """Adds the refusal. True for a refusal, which is not raised further."""
        if isinstance(error, REFUSALS) and not isinstance(error, UNDECIDED):
            add_refusal(self._form, error)
            return True
        return False


class ServiceForm(forms.ModelForm):  # type: ignore[type-arg]
    """Checks the shape of input; the service checks it against the state."""

    refusal: ClassVar[Exception | None] = None
    # The list of the input whose items are rows of the page, with errors of their own.
    rows: ClassVar[str] = ""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        if self.prefix:
            # A row of a table, whose header is no label for a screen reader.
            for field in self.fields.values():
                field.widget.attrs.setdefault("aria-label", field.label)

    def clean(self) -> dict[str, Any] | None:
        """Checks the bounds of moments, and adds the service's refusal of the first attempt."""
        cleaned = super().clean()
        for name, value in list((cleaned or {}).items()):
            if isinstance(value, datetime) and not is_in_bounds(value):
                self.add_error(name, OUT_OF_BOUNDS)
        if self.refusal is not None:
            add_refusal(self, self.refusal, except_below=self.rows)
        return cleaned

    def _post_clean(self) -> None:
        # Services and the database check constraints, with better messages than a constraint's name.
        vars(self.instance)["validate_constraints"] = _skip_constraints
        super()._post_clean()  # type: ignore[misc]


def _skip_constraints(exclude: Any = None) -> None:
    """Replaces `Model.validate_constraints`."""


class ServiceAdmin(ModelAdmin):
    """Rows that only services change: a subclass calls its service in `write`.

    The page is one transaction, retried after a deadlock. When a service refuses, all of it is rolled back and the
    form is shown again, as it was filled in, with the reason.
    """

    form = ServiceForm
    formfield_overrides = STRICT_NUMBERS
    # The kinds of the list's columns, of admin_tables; a column that is not named has texts.
    column_kinds: ClassVar[dict[str, str]] = {}
    # What an empty list says: how rows come into it.
    empty_text: ClassVar[Any] = ""
    paginator = KeysFirstPaginator
    list_per_page = 50
    list_fullwidth = True
    list_disable_select_all = True
    warn_unsaved_form = True

    def write(self, request: HttpRequest, obj: Any, form: Any, formsets: list[Any], *, change: bool) -> None:
        """Calls the service with a valid form; sets the primary key of a new `obj`."""
        raise NotImplementedError

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """False, unless a subclass deletes through a service."""
        return False

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The form; if the service refuses, the form again with the reason."""
        view = super().changeform_view
        if object_id is not None and not self._may_be_a_key(object_id):
            redirect_away = self._get_obj_does_not_exist_redirect  # type: ignore[attr-defined]  # Django's own
            return redirect_away(request, self.opts, object_id)  # type: ignore[no-any-return]

        def attempt() -> HttpResponse:
            # Messages of an attempt that was rolled back are not true.
            queued: Any = messages.get_messages(request)
            queued._queued_messages.clear()
            return view(request, object_id, form_url, extra_context)

        try:
            return retried_atomic(attempt)()
        except REFUSALS as error:
            request.META[_REFUSAL] = error
            return attempt()

    def _may_be_a_key(self, object_id: str) -> bool:
        # Code that runs before Django looks up the row uses the address's part as a primary key without a check.
        try:
            self.opts.pk.to_python(unquote(object_id))
        except ValidationError:
            return False
        return True

    def get_form(self, request: HttpRequest, obj: Any = None, change: Any = False, **kwargs: Any) -> Any:  # noqa: FBT002 - Django's
        """The form class, with the refusal of the first attempt."""
        form: Any = super().get_form(request, obj, change, **kwargs)
        form.refusal = refusal_of(request)
        return form

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        """Does nothing: `save_related` gets the inlines too."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: Any) -> None:
        """Calls `write` with the whole page."""
        self.write(request, form.instance, form, list(formsets), change=change)

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: Any = False) -> Any:  # noqa: FBT002 - Django's
        """Nothing: the service writes the history."""

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Nothing, instead of Django's admin log."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Nothing, instead of Django's admin log."""

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Nothing, instead of Django's admin log."""

    def get_or_404(self, request: HttpRequest, object_id: str) -> Any:
        """The row of an action's URL."""
        found = self.get_object(request, object_id)
        if found is None:
            missing = _("There is no %(model)s %(number)s.")
            raise Http404(missing % {"model": self.opts.verbose_name, "number": object_id})
        return found

    def form_page(self, request: HttpRequest, form: forms.BaseForm, *, title: str, **more: Any) -> TemplateResponse:
        """The page of an action: a form and a `button`, above them a template (`panel`) or a text (`note`)."""
        context = {**self.admin_site.each_context(request), "opts": self.opts, "title": title, "form": form, **more}
        return TemplateResponse(request, "service_admin/form_page.html", context)

    def confirmed(
        self,
        request: HttpRequest,
        service: Callable[[], Any],
        *,
        back: str,
        leads_to: str = "",
        success: str = "",
        **page: Any,
    ) -> HttpResponse:
        """Calls the service once its `form_page` is submitted, and leads on with the message `success`.

        It leads `back`, from where the page was opened, unless it `leads_to` another address. Until then, and if the
        service refuses, shows the page.
        """
        form = EmptyForm(request.POST or None)
        if form.is_valid():
            with RefusalsAsFormErrors(form):
                service()
                if success:
                    messages.success(request, success)
                return HttpResponseRedirect(leads_to or back)
        return self.form_page(request, form, back=back, **page)


class ServiceInline(TabularInline):
    """Rows of a page that are written with it; none is erased."""

    form = ServiceForm
    formfield_overrides = STRICT_NUMBERS
    extra = 0
    can_delete = False
    hide_title = True


class ReadOnlyAdmin(ServiceAdmin):
    """Rows that cannot be changed in the admin."""

    warn_unsaved_form = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """False."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """False."""
        return False


class GrowingTableAdmin(ReadOnlyAdmin):
    """A table that only grows: rows are never counted, so that the list costs the same for any number."""

    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    paginator = InfinitePaginator


class EmptyForm(forms.Form):
    """A form with a button and no fields."""


def secret_message(request: HttpRequest, what: str, secret: str) -> None:
    """Shows a secret once, on the next page, with a button that copies it."""
    messages.warning(request, render_to_string("service_admin/secret.html", {"what": what, "secret": secret}))


def moment(value: datetime | None) -> SafeString:
    """A moment in one short line, with its seconds in the title; a dash for none."""
    if value is None:
        return short("-")
    local = timezone.localtime(value)
    return format_html(
        '<time class="whitespace-nowrap" datetime="{}" title="{}">{}</time>',
        local.isoformat(timespec="seconds"),
        f"{local:%Y-%m-%d %H:%M:%S %Z}",
        localize(local),
    )


def short(text: str) -> SafeString:
    """A text in a column that is not broken into lines."""
    return format_html('<span class="whitespace-nowrap">{}</span>', text)


def json_block(value: Any) -> SafeString:
    """Indented JSON, coloured unless it is very long."""
    coloured: SafeString | None = prettify_json(value, None) if len(str(value)) <= MAX_COLOURED_BYTES else None
    return coloured or format_html('<pre style="white-space: pre-wrap; overflow-wrap: anywhere">{}</pre>', str(value))
