"""`/api/v1/products/categories/`: a tree."""

import pytest

from pms_backend.events.models import Event
from products import services
from products.exceptions import CategoryCycle
from products.models import Category
from tests.conftest import JSONClient
from tests.factories import make_product
from tests.products.recorded import recorded

CATEGORIES = "/api/v1/products/categories/"

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def tree() -> dict[str, Category]:
    """root / branch / leaf, and other."""
    root = services.create_category(name="Root")
    branch = services.create_category(name="Branch", parent=root)
    leaf = services.create_category(name="Leaf", parent=branch)
    other = services.create_category(name="Other")
    Event.objects.all().delete()
    return {"root": root, "branch": branch, "leaf": leaf, "other": other}


def test_a_category_is_made_with_a_slug_of_its_name(editor: JSONClient):
    response = editor.post(CATEGORIES, {"name": "Desk Lamps"})

    assert (response.status_code, response.json()) == (
        201,
        {"slug": "desk-lamps", "name": "Desk Lamps", "parent": None, "path": ["desk-lamps"]},
    )
    event = Event.objects.get()
    assert (event.type, event.subject) == ("category.changed", "category:desk-lamps")
    assert event.data == {
        "slug": "desk-lamps",
        "category": {"slug": "desk-lamps", "name": "Desk Lamps", "parent": None},
    }


@pytest.mark.usefixtures("tree")
def test_a_category_names_its_parent(editor: JSONClient, reader: JSONClient):
    editor.post(CATEGORIES, {"name": "Twig", "slug": "twig", "parent": "leaf"})

    assert reader.get(f"{CATEGORIES}twig/").json() == {
        "slug": "twig",
        "name": "Twig",
        "parent": "leaf",
        "path": ["root", "branch", "leaf", "twig"],
    }
    assert [category["slug"] for category in reader.get(CATEGORIES).json()["results"]] == [
        "twig",
        "other",
        "leaf",
        "branch",
        "root",
    ]


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({}, "/name"),
        ({"name": "Twig", "parent": "nowhere"}, "/parent"),
        ({"name": "!!!"}, "/slug"),
        ({"name": "Twig", "slug": "a b"}, "/slug"),
    ],
)
def test_what_is_not_valid_is_422(editor: JSONClient, body: dict, pointer: str):
    response = editor.post(CATEGORIES, body)

    assert response.status_code == 422
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]
    assert Category.objects.count() == 4
    assert recorded() == []


@pytest.mark.usefixtures("tree")
def test_a_category_is_renamed_and_moved(editor: JSONClient):
    response = editor.patch(f"{CATEGORIES}leaf/", {"name": "Blossom", "parent": "other"})

    shown = {"slug": "leaf", "name": "Blossom", "parent": "other"}
    assert response.json() == {**shown, "path": ["other", "leaf"]}
    assert Event.objects.get().data["category"] == shown


@pytest.mark.usefixtures("tree")
def test_a_category_is_moved_to_the_top(editor: JSONClient):
    assert editor.patch(f"{CATEGORIES}leaf/", {"parent": None}).json()["parent"] is None


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize("body", [{}, {"name": "Leaf"}, {"parent": "branch"}])
def test_what_changes_nothing_is_not_announced(editor: JSONClient, body: dict):
    assert editor.patch(f"{CATEGORIES}leaf/", body).status_code == 200
    assert recorded() == []


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize("parent", ["root", "branch", "leaf"])
def test_a_category_is_not_moved_into_itself_or_its_own(editor: JSONClient, parent: str):
    response = editor.patch(f"{CATEGORIES}root/", {"parent": parent})

    assert (response.status_code, response.json()["code"]) == (409, "category_cycle")
    assert Category.objects.get(slug="root").parent is None
    assert recorded() == []


def test_two_moves_that_do_not_see_each_other_make_no_cycle(tree: dict[str, Category]):
    """Both callers have read both categories before either has moved one."""
    mine = {name: Category.objects.get(slug=name) for name in ("root", "other")}
    services.update_category(category=tree["root"], parent=tree["other"])

    with pytest.raises(CategoryCycle):
        services.update_category(category=mine["other"], parent=mine["root"])

    assert Category.objects.get(slug="other").parent is None


@pytest.mark.usefixtures("tree")
def test_an_empty_category_is_removed(editor: JSONClient):
    response = editor.delete(f"{CATEGORIES}leaf/")

    assert response.status_code == 204
    assert not Category.objects.filter(slug="leaf").exists()
    event = Event.objects.get()
    assert (event.subject, event.data) == ("category:leaf", {"slug": "leaf", "category": None})


@pytest.mark.usefixtures("tree")
def test_a_category_that_holds_something_stays(editor: JSONClient):
    make_product(category="leaf")
    before = recorded()

    for slug in ("leaf", "branch"):
        response = editor.delete(f"{CATEGORIES}{slug}/")
        assert (response.status_code, response.json()["code"]) == (409, "category_in_use")

    assert Category.objects.count() == 4
    assert recorded() == before


def test_an_unknown_category_is_404(editor: JSONClient):
    assert editor.get(f"{CATEGORIES}nowhere/").status_code == 404
    assert editor.patch(f"{CATEGORIES}nowhere/", {"name": "x"}).status_code == 404
    assert editor.delete(f"{CATEGORIES}nowhere/").status_code == 404
