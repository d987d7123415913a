"""How the admin changes things: through services, whose refusals stand in the form that asked."""

from datetime import datetime
from typing import Any, ClassVar, Final

from django import forms
from django.contrib import messages
from django.contrib.admin import ShowFacets
from django.contrib.admin.utils import unquote
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.paginator import InfinitePaginator
from unfold.utils import prettify_json

from pms_backend.api.exceptions import DomainError, problem_of
from pms_backend.api.forms import DecimalField, IntegerField
from pms_backend.api.moments import OUT_OF_BOUNDS, is_in_bounds
from pms_backend.api.problems import FieldError
from pms_backend.api.transactions import retried_atomic
from pms_backend.api.typed_unfold import ModelAdmin, TabularInline

REFUSALS: Final = (DomainError, ValidationError, IntegrityError)
# Colouring a longer one takes longer than anybody waits for a page.
MAX_COLOURED_BYTES: Final = 64 * 1024

# Columns whose form fields would take whatever Python can read for a number. The admin looks for the nearest class.
STRICT_NUMBERS: Final[dict[Any, dict[str, Any]]] = {
    **{
        column: {"form_class": IntegerField}
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


def add_refusal(form: forms.BaseForm, error: Exception) -> None:
    """Writes what a service refused into the form: at the field that it names, else above all fields."""
    problem = problem_of(error)
    for one in problem.errors or (FieldError("", problem.code, problem.detail),):
        name = one.pointer.removeprefix("/")
        form.add_error(name if name in form.fields else None, one.detail)


class RefusalsIn:
    """What a service refuses within is written into the form, and the page goes on."""

    def __init__(self, form: forms.BaseForm) -> None:
        self._form = form

    def __enter__(self) -> None:
        """Begins."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> bool:
        """Whether it was a refusal."""
        if isinstance(error, REFUSALS):
            add_refusal(self._form, error)
            return True
        return False


class ServiceForm(forms.ModelForm):  # type: ignore[type-arg]
    """Checks shapes; what the state forbids is for the service to say."""

    refusal: ClassVar[Exception | None] = None

    def clean(self) -> dict[str, Any] | None:
        """Bounds moments, and shows what the service refused the first time."""
        cleaned = super().clean()
        for name, value in list((cleaned or {}).items()):
            if isinstance(value, datetime) and not is_in_bounds(value):
                self.add_error(name, OUT_OF_BOUNDS)
        if self.refusal is not None:
            add_refusal(self, self.refusal)
        return cleaned

    def _post_clean(self) -> None:
        # The database keeps the constraints, and the service names a broken one in better words than its name.
        vars(self.instance)["validate_constraints"] = _nothing_to_say
        super()._post_clean()  # type: ignore[misc]


def _nothing_to_say(exclude: Any = None) -> None:
    """What a form says of constraints."""


class ServiceAdmin(ModelAdmin):
    """Rows that are changed through services alone: a subclass says in `write` through which.

    The page is one transaction, tried again where PostgreSQL broke it off. When a service refuses, all of it is rolled
    back and the form is shown again, as it was filled in, with the reason.
    """

    form = ServiceForm
    formfield_overrides = STRICT_NUMBERS
    list_per_page = 50
    list_fullwidth = True
    list_disable_select_all = True
    warn_unsaved_form = True

    def write(self, request: HttpRequest, obj: Any, form: Any, formsets: list[Any], *, change: bool) -> None:
        """Calls the service for a valid form; for a new row it gives `obj` its key."""
        raise NotImplementedError

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing is erased here, unless a service does it."""
        return False

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The form; when its service refuses, the form once more, with the reason."""
        view = super().changeform_view
        if object_id is not None and not self._may_be_a_key(object_id):
            leads_away = self._get_obj_does_not_exist_redirect  # type: ignore[attr-defined]  # Django's own
            return leads_away(request, self.opts, object_id)  # type: ignore[no-any-return]

        def attempt() -> HttpResponse:
            # What an attempt said that was rolled back is not true.
            said: Any = messages.get_messages(request)
            said._queued_messages.clear()
            return view(request, object_id, form_url, extra_context)

        try:
            return retried_atomic(attempt)()
        except REFUSALS as error:
            request.META[_REFUSAL] = error
            return attempt()

    def _may_be_a_key(self, object_id: str) -> bool:
        # What is asked of the address before Django looks for the row takes it for a key.
        try:
            self.opts.pk.to_python(unquote(object_id))
        except ValidationError:
            return False
        return True

    def get_form(self, request: HttpRequest, obj: Any = None, change: Any = False, **kwargs: Any) -> Any:  # noqa: FBT002 - Django's
        """The form, which knows what was refused."""
        form: Any = super().get_form(request, obj, change, **kwargs)
        form.refusal = request.META.get(_REFUSAL)
        return form

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        """Nothing yet: `save_related` has the inlines too."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: Any) -> None:
        """All of the page in one call."""
        self.write(request, form.instance, form, list(formsets), change=change)

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: Any = False) -> Any:  # noqa: FBT002 - Django's
        """What Django notes; the inlines' rows are the service's."""
        return super().construct_change_message(request, form, [], add)

    def get_or_404(self, request: HttpRequest, object_id: str) -> Any:
        """The row of an action's address."""
        found = self.get_object(request, object_id)
        if found is None:
            raise Http404(f"There is no {self.opts.verbose_name} {object_id}.")
        return found

    def form_page(self, request: HttpRequest, form: forms.BaseForm, *, title: str, **more: Any) -> TemplateResponse:
        """The page of an action: a form and a `button`, above them a template (`panel`) or a text (`note`)."""
        context = {**self.admin_site.each_context(request), "opts": self.opts, "title": title, "form": form, **more}
        return TemplateResponse(request, "service_admin/form_page.html", context)


class ServiceInline(TabularInline):
    """Rows of a page that are written with it; none is erased."""

    form = ServiceForm
    formfield_overrides = STRICT_NUMBERS
    extra = 0
    can_delete = False
    hide_title = True


class ReadOnlyAdmin(ServiceAdmin):
    """Rows that nobody changes by hand."""

    warn_unsaved_form = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody makes one."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody edits one."""
        return False


class GrowingTableAdmin(ReadOnlyAdmin):
    """Rows that only ever become more: they are never counted, so that the list costs the same for any number."""

    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    paginator = InfinitePaginator


class EmptyForm(forms.Form):
    """Asks for nothing but the button."""


def secret_message(request: HttpRequest, what: str, secret: str) -> None:
    """Shows a secret on the next page, and never again."""
    text = '{} is <code class="font-semibold" style="user-select: all">{}</code> Copy it now: it is not shown again.'
    messages.warning(request, format_html(text, what, secret))


def moment(value: datetime | None) -> SafeString:
    """A moment in a column: short, sortable by eye, in one line."""
    text = "-" if value is None else f"{timezone.localtime(value):%Y-%m-%d %H:%M}"
    return format_html('<span class="whitespace-nowrap">{}</span>', text)


def json_block(value: Any) -> SafeString:
    """JSON for people: indented, coloured unless it is very long."""
    coloured: SafeString | None = prettify_json(value, None) if len(str(value)) <= MAX_COLOURED_BYTES else None
    return coloured or format_html('<pre style="white-space: pre-wrap; overflow-wrap: anywhere">{}</pre>', str(value))
