"""The images of a product on its page in the admin."""

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar, Final

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminFileFieldWidget

from pms_backend.api.exceptions import DomainError
from pms_backend.api.service_admin import ServiceAdmin, ServiceForm, ServiceInline
from pms_backend.api.typed_unfold import display
from products import services
from products.images.limits import MAX_IMAGE_BYTES
from products.images.names import SENT_TYPES, url_of
from products.models import ProductImage
from products.services.image_files import StoredPicture

NEW_IMAGES: Final = "new_images"
EDITABLE_IMAGE_FIELDS: Final = ("alt", "position")
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
        label="Add images",
        widget=ImagesInput(attrs={"accept": ",".join(SENT_TYPES)}),
        help_text=f"JPEG, PNG, WebP, GIF or AVIF, up to {MAX_IMAGE_BYTES // 1024**2} MiB each; several at once.",
    )

    def clean_new_images(self) -> list[StoredPicture]:
        """Returns the stored pictures; raises an error for each refused one."""
        refused = [ValidationError(found.detail) for found in self.checked if isinstance(found, DomainError)]
        if refused:
            raise ValidationError(refused)
        return [found for found in self.checked if isinstance(found, StoredPicture)]


class ImagesAdmin(ServiceAdmin):
    """A page with an `ImagesForm`: files are checked and stored before its transaction begins."""

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Checks and stores the files first if the user may change the row."""
        if request.method == "POST" and self.has_change_permission(request):
            request.META[_CHECKED] = _checked(request.FILES.getlist(NEW_IMAGES))
        return super().changeform_view(request, object_id, form_url, extra_context)

    def get_form(self, request: HttpRequest, obj: Any = None, change: Any = False, **kwargs: Any) -> Any:  # noqa: FBT002 - Django's
        """The form with the results of the checks."""
        form = super().get_form(request, obj, change, **kwargs)
        form.checked = request.META.get(_CHECKED, [])
        return form


class ImageInline(ServiceInline):
    """The images of the product: alt text and position can be changed, and images deleted."""

    model = ProductImage
    fields = ("preview", *EDITABLE_IMAGE_FIELDS, "state")
    readonly_fields = ("preview", "state")
    ordering = ("position", "id")
    can_delete = True
    hide_title = True
    verbose_name_plural = "images"

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProductImage]:
        """The images with their files, in one statement."""
        return super().get_queryset(request).select_related("image_file")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Images are added by the file field of the form."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Follows the permission of the product."""
        return request.user.has_perm("products.change_product")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Follows the permission of the product."""
        return request.user.has_perm("products.view_product") or self.has_change_permission(request, obj)

    has_delete_permission = has_change_permission

    @display(description="Image")
    def preview(self, image: ProductImage) -> SafeString:
        """The thumbnail, linked to the picture."""
        if image.image_file is None:
            return format_html('<span class="material-symbols-outlined text-4xl">{}</span>', "hide_image")
        full = url_of(str(image.image_file.file))
        small = url_of(str(image.image_file.thumbnail)) if image.image_file.thumbnail else full
        return format_html(
            '<a href="{}" target="_blank" rel="noopener"><img src="{}" alt="{}" loading="lazy" class="rounded-default '
            'border border-base-200 dark:border-base-800" style="height: 72px; width: 96px; object-fit: contain"></a>',
            full, small, image.alt,
        )  # fmt: skip

    @display(description="State")
    def state(self, image: ProductImage) -> SafeString:
        """The size or status, the source and the last error."""
        file = image.image_file
        text = f"{file.width} x {file.height}" if file else image.get_status_display()
        return format_html(
            '<div class="max-w-xs"><div class="whitespace-nowrap">{}</div>'
            '<div class="text-xs break-all text-font-subtle-light dark:text-font-subtle-dark">{}</div>'
            '<div class="text-xs text-red-600 dark:text-red-500">{}</div></div>',
            text, image.source_url, image.error,
        )  # fmt: skip


def write_images(product_id: int, form: Any, formsets: list[Any]) -> None:
    """Applies the changes of images on the page by services."""
    (formset,) = (formset for formset in formsets if formset.model is ProductImage)
    for row in formset.forms:
        if row in formset.deleted_forms:
            services.delete_image(product_id=product_id, image_id=row.instance.pk)
        elif changes := {name: row.cleaned_data[name] for name in row.changed_data if name in EDITABLE_IMAGE_FIELDS}:
            services.update_image(product_id=product_id, image_id=row.instance.pk, **changes)
    for stored in form.cleaned_data.get(NEW_IMAGES) or ():
        services.add_image(product_id=product_id, stored=stored)


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
