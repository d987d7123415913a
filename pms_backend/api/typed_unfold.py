"""The classes and decorators of django-unfold that we use, with the types that it does not ship."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin as TypedModelAdmin
    from django.contrib.admin import TabularInline as TypedTabularInline
    from django_stubs_ext import StrOrPromise

    Decorated = TypeVar("Decorated", bound=Callable[..., Any])

    class ModelAdmin(TypedModelAdmin[Any]):
        """Unfold's `ModelAdmin`."""

        def get_actions_submit_line(self, request: Any, object_id: int) -> list[Any]:
            """The buttons beside `Save`."""

    class TabularInline(TypedTabularInline[Any, Any]):
        """Unfold's `TabularInline`."""

    def action(
        *,
        description: StrOrPromise,
        permissions: Sequence[str] | None = None,
        url_path: str | None = None,
        icon: str | None = None,
        variant: Any = None,
        attrs: Mapping[str, str] | None = None,
    ) -> Callable[[Decorated], Decorated]:
        """Unfold's `action`."""

    def display(
        *,
        description: StrOrPromise,
        ordering: Any = None,
        boolean: bool | None = None,
        header: bool | None = None,
        label: bool | Mapping[Any, str] | None = None,
    ) -> Callable[[Decorated], Decorated]:
        """Unfold's `display`."""

else:
    from unfold.admin import ModelAdmin, TabularInline
    from unfold.decorators import action, display
