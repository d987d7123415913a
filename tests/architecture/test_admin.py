"""The admin's pages write through services: none saves or deletes rows by itself."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Model
from django.test import RequestFactory

from inventory.models import Location
from tests.architecture.sources import PACKAGES

REQUEST = RequestFactory().get("/admin/")
REQUEST.user = User(username="ada", is_staff=True, is_superuser=True)


def is_ours(thing: type) -> bool:
    return thing.__module__.split(".")[0] in PACKAGES


def find_saving(page: admin.ModelAdmin) -> list[str]:
    """The ways in which a page would write without a service, for a superuser."""
    may_save = page.has_add_permission(REQUEST) or page.has_change_permission(REQUEST)
    may_delete = page.has_delete_permission(REQUEST)
    ways = {"save_model": may_save, "save_related": may_save, "delete_model": may_delete, "delete_queryset": may_delete}
    return [way for way, possible in ways.items() if possible and not _is_replaced(page, way)]


def _is_replaced(page: admin.ModelAdmin, method: str) -> bool:
    owner = next(kind for kind in type(page).__mro__ if method in vars(kind))
    return is_ours(owner)


@pytest.mark.django_db
def test_no_admin_page_writes_without_a_service():
    pages = {model: page for model, page in admin.site._registry.items() if is_ours(model)}

    saving = {model.__name__: ways for model, page in pages.items() if (ways := find_saving(page))}

    assert len(pages) > 5
    assert saving == {}


@pytest.mark.parametrize("model", [Location, User])
def test_a_page_that_writes_without_a_service_is_found(model: type[Model]):
    page = admin.ModelAdmin(model, admin.site)

    assert find_saving(page) == ["save_model", "save_related", "delete_model", "delete_queryset"]
