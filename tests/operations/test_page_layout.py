"""What every page of the admin has around its content."""

import pytest
from django.urls import reverse

from tests.staff import superuser

pytestmark = pytest.mark.django_db


def test_a_page_has_landmarks_and_a_link_that_skips_the_menu():
    page = superuser().get(reverse("admin:inventory_location_changelist")).content.decode()

    skipping = page.index('<a href="#content-start"')
    assert skipping < page.index("<nav ") < page.index("<header>") < page.index('<main id="content-start"')
    assert [page.count(tag) for tag in ("<header>", "<main ", "<h1 ")] == [1, 1, 1]
    assert 'aria-label="Main menu"' in page
