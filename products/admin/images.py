"""The pictures of a product on its page in the admin.

On the page of a product each change is a request of its own, so that it loses nothing that was typed elsewhere on the
page; on the page of a new one the files are sent with its form.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar, Final

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminFileFieldWidget

from pms_backend.api.exceptions import DomainError, problem_of
from pms_backend.api.forms import PlainIntegerField
from pms_backend.api.keyset import MAX_ID
from pms_backend.api.limits import MAX_FORM_FILES
from pms_backend.api.service_admin import REFUSALS, ServiceAdmin, ServiceForm, ServiceInline
from products import services
from products.admin.thumbnails import cards_of
from products.images.limits import MAX_IMAGE_BYTES
from products.images.names import SENT_TYPES
from products.models import MAX_ALT_LENGTH, Product, ProductImage
from products.services.image_files import StoredPicture

NEW_IMAGES: Final = "new_images"
_CHECKED: Final = "pms.checked_images"

Checked = list[StoredPicture | DomainError | None]


class ImagesInput(UnfoldAdminFileFieldWidget):
    """A file input for several files."""

    allow_multiple_selected = True


class ImagesField(forms.FileField):
    """Files that were checked and stored before the form is validated."""

    def clean(self, data: Any, initial: Any = None) -> Any:
        """Returns the data unchecked; `ImagesForm` has the stored pictures."""
        return data


class ImagesForm(ServiceForm):
    """A form that adds images."""

    checked: ClassVar[Checked] = []

    new_images = ImagesField(
        required=False,
        label=gettext_lazy("Add pictures"),
        widget=ImagesInput(attrs={"accept": ",".join(SENT_TYPES)}),
    )

    def clean_new_images(self) -> list[StoredPicture]:
        """Returns the stored pictures; raises an error for each refused one."""
        refused = [ValidationError(found.detail) for found in self.checked if isinstance(found, DomainError)]
        if refused:
            raise ValidationError(refused)
        return [found for found in self.checked if isinstance(found, StoredPicture)]


class PictureForm(forms.Form):
    """A picture of the product, and its alt text."""

    picture = PlainIntegerField(min_value=1, max_value=MAX_ID)
    alt = forms.CharField(required=False, max_length=MAX_ALT_LENGTH)


class ImageInline(ServiceInline):
    """The place of the pictures on the page; no forms, since each change is a request of its own."""

    model = ProductImage
    template = "products/pictures.html"
    fields = ()
    max_num = 0
    verbose_name_plural = gettext_lazy("pictures")

    class Media:
        """Uploads, moves, describes and deletes pictures."""

        css: ClassVar = {"all": ("products/pictures.css",)}
        js = ("products/pictures.js",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProductImage]:
        """None; `ImagesAdmin` shows the pictures."""
        return super().get_queryset(request).none()

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """False: there are no forms."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """False: there are no forms."""
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Follows the permissions of the product."""
        return any(request.user.has_perm(f"products.{verb}_product") for verb in ("view", "add", "change"))


class ImagesAdmin(ServiceAdmin):
    """A product's page with an `ImagesForm` and an `ImageInline`.

    Files are checked and stored before the transaction of the page begins.
    """

    def get_urls(self) -> list[Any]:
        """The pages, and the address to which changes of pictures are sent."""
        view = self.admin_site.admin_view(self.change_pictures)
        return [path("<path:object_id>/pictures/", view, name="products_product_pictures"), *super().get_urls()]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Checks and stores the files first if the user may write the row."""
        may_write = self.has_change_permission(request) if object_id else self.has_add_permission(request)
        if request.method == "POST" and may_write:
            request.META[_CHECKED] = _checked(request.FILES.getlist(NEW_IMAGES))
        return super().changeform_view(request, object_id, form_url, extra_context)

    def get_form(self, request: HttpRequest, obj: Any = None, change: Any = False, **kwargs: Any) -> Any:  # noqa: FBT002 - Django's
        """The form with the results of the checks."""
        form = super().get_form(request, obj, change, **kwargs)
        form.checked = request.META.get(_CHECKED, [])
        return form

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Shows the pictures, with what changes them if the user may do that."""
        product = context["original"]
        pictures = {
            "pictures": cards_of(product.pk) if product else (),
            "may_change_pictures": self.has_change_permission(request) if product else True,
            "pictures_url": reverse("admin:products_product_pictures", args=[product.pk]) if product else "",
            "max_image_mib": MAX_IMAGE_BYTES // 1024**2,
            "max_image_bytes": MAX_IMAGE_BYTES,
            "max_alt_length": MAX_ALT_LENGTH,
            "max_files": MAX_FORM_FILES,
            # A browser never sends chosen files twice.
            "chooses_again": bool(request.FILES.getlist(NEW_IMAGES)),
        }
        return super().render_change_form(request, {**context, **pictures}, *args, **kwargs)

    def change_pictures(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Does what `do` says, and answers the pictures as they are then, with a message.

        `versions` are those of the product before and after, so that the page can be saved on top of its own change.
        """
        if not self.has_change_permission(request):
            raise PermissionDenied
        product: Product = self.get_or_404(request, object_id)
        change = _CHANGES.get(request.POST.get("do", ""))
        message, status = "", 200
        if change is not None:
            try:
                message = change(product.pk, request)
            except REFUSALS as error:
                problem = problem_of(error)
                message = " ".join(one.detail for one in problem.errors) or problem.detail
                status = problem.status
        context = {"pictures": cards_of(product.pk), "may_change_pictures": True, "max_alt_length": MAX_ALT_LENGTH}
        cards = render_to_string("products/picture_cards.html", context, request)
        version = Product.objects.values_list("version", flat=True).get(pk=product.pk)
        return JsonResponse({"message": message, "cards": cards, "versions": [product.version, version]}, status=status)


def write_images(product_id: int, form: Any) -> None:
    """Adds the pictures that were sent with the form of the page."""
    for stored in form.cleaned_data.get(NEW_IMAGES) or ():
        services.add_image(product_id=product_id, stored=stored)


def _add(product_id: int, request: HttpRequest) -> str:
    file = request.FILES.get("file")
    if file is None:
        raise ValidationError(_("No file was sent."))
    stored = services.store_picture(data=_read(file))
    _image, is_new = services.add_image(product_id=product_id, stored=stored)
    text = _("%(name)s is added.") if is_new else _("%(name)s is there already.")
    return text % {"name": file.name}


def _describe(product_id: int, request: HttpRequest) -> str:
    values = _valid(request.POST)
    services.update_image(product_id=product_id, image_id=values["picture"], alt=values["alt"])
    return _("The alt text is saved.")


def _order(product_id: int, request: HttpRequest) -> str:
    keys = [_valid({"picture": key})["picture"] for key in request.POST.getlist("picture")]
    services.order_images(product_id=product_id, image_ids=keys)
    return _("The order is saved.")


def _delete(product_id: int, request: HttpRequest) -> str:
    services.delete_image(product_id=product_id, image_id=_valid(request.POST)["picture"])
    return _("The picture is deleted.")


_CHANGES: Final[dict[str, Callable[[int, HttpRequest], str]]] = {
    "add": _add,
    "describe": _describe,
    "order": _order,
    "delete": _delete,
}


def _valid(data: Any) -> dict[str, Any]:
    form = PictureForm(data)
    if not form.is_valid():
        raise ValidationError([error for errors in form.errors.values() for error in errors])
    return form.cleaned_data


def _checked(files: "Sequence[UploadedFile[bytes]]") -> Checked:
    """Each file as it is stored, or the error that refuses it."""
    try:
        found = services.store_pictures(contents=[partial(_read, file) for file in files])
    except DomainError as error:
        return [error]
    return [
        type(one)(f"{file.name}: {one.detail}") if isinstance(one, DomainError) else one
        for file, one in zip(files, found, strict=True)
    ]


def _read(file: "UploadedFile[bytes]") -> bytes:
    file.seek(0)
    return bytes(file.read(MAX_IMAGE_BYTES + 1))
