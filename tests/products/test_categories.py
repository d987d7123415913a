"""`/api/v1/products/categories/`: a tree."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from pms_backend.events.models import Event
from products import services
from products.exceptions import CategoryCycle
from products.models import MAX_CATEGORY_DEPTH, Category
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
def test_an_invalid_category_is_422(editor: JSONClient, body: dict, pointer: str):
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
def test_an_update_without_changes_records_no_event(editor: JSONClient, body: dict):
    assert editor.patch(f"{CATEGORIES}leaf/", body).status_code == 200
    assert recorded() == []


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize("parent", ["root", "branch", "leaf"])
def test_a_category_is_not_moved_into_itself_or_its_own(editor: JSONClient, parent: str):
    response = editor.patch(f"{CATEGORIES}root/", {"parent": parent})

    assert (response.status_code, response.json()["code"]) == (409, "category_cycle")
    assert Category.objects.get(slug="root").parent is None
    assert recorded() == []


def test_two_concurrent_moves_make_no_cycle(tree: dict[str, Category]):
    """Both callers read both categories before either moves one."""
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


@pytest.mark.usefixtures("tree")
def test_every_category_says_its_path_in_the_same_statement(reader: JSONClient):
    reader.get(CATEGORIES)  # caches the API key, whose lookup is not counted
    with CaptureQueriesContext(connection) as few:
        body = reader.get(CATEGORIES).json()
    parent = Category.objects.get(slug="leaf")
    for number in range(20):
        services.create_category(name=f"Twig {number}", parent=parent)
    with CaptureQueriesContext(connection) as many:
        reader.get(CATEGORIES)

    assert {one["slug"]: one["path"] for one in body["results"]} == {
        "root": ["root"],
        "branch": ["root", "branch"],
        "leaf": ["root", "branch", "leaf"],
        "other": ["other"],
    }
    assert len(few) == len(many) <= 3


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize(
    ("query", "slugs"),
    [
        ({"parent": "root"}, ["branch"]),
        ({"parent": "nowhere"}, []),
        ({"root": "true"}, ["other", "root"]),
        ({"root": "false"}, ["leaf", "branch"]),
    ],
)
def test_the_tree_is_read_level_by_level(reader: JSONClient, query: dict, slugs: list[str]):
    assert [one["slug"] for one in reader.get(CATEGORIES, query).json()["results"]] == slugs


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize("method", ["post", "patch"])
def test_a_slug_that_is_taken_is_409(editor: JSONClient, method: str):
    address = CATEGORIES if method == "post" else f"{CATEGORIES}leaf/"

    response = getattr(editor, method)(address, {"name": "Root", "slug": "root"})

    errors = [(one["pointer"], one["code"]) for one in response.json()["errors"]]
    assert (response.status_code, response.json()["code"], errors) == (409, "slug_taken", [("/slug", "slug_taken")])
    assert Category.objects.count() == 4
    assert recorded() == []


def chain(length: int, prefix: str = "level") -> list[Category]:
    """Categories, each within the one before it."""
    made: list[Category] = []
    for number in range(length):
        made.append(services.create_category(name=f"{prefix} {number}", parent=made[-1] if made else None))
    return made


def test_the_tree_has_a_maximal_depth(editor: JSONClient):
    chain(MAX_CATEGORY_DEPTH)

    response = editor.post(CATEGORIES, {"name": "Deeper", "parent": f"level-{MAX_CATEGORY_DEPTH - 1}"})

    assert (response.status_code, response.json()["code"]) == (422, "category_too_deep")
    assert Category.objects.count() == MAX_CATEGORY_DEPTH


def test_a_move_counts_descendants(editor: JSONClient):
    chain(MAX_CATEGORY_DEPTH - 2)
    chain(3, "moved")
    last = f"level-{MAX_CATEGORY_DEPTH - 3}"

    refused = editor.patch(f"{CATEGORIES}moved-0/", {"parent": last})
    moved = editor.patch(f"{CATEGORIES}moved-1/", {"parent": last})

    assert (refused.status_code, refused.json()["code"]) == (422, "category_too_deep")
    assert (moved.status_code, len(moved.json()["path"])) == (200, MAX_CATEGORY_DEPTH - 1)
