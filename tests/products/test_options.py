"""The options of a product and the option values of its variants."""

import pytest

from products.models import MAX_OPTION_LENGTH, MAX_OPTION_VALUES, MAX_OPTIONS, MAX_VARIANTS, Product
from products.options import derived_options
from tests.conftest import JSONClient
from tests.factories import make_product
from tests.products.recorded import recorded

PRODUCTS = "/api/v1/products/"
COLOUR = [{"name": "Colour", "values": ["Red", "Blue"]}]

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def variant(sku: str, **options: str) -> dict:
    return {"sku": sku, "price": "10.00", "options": options}


def errors_of(response) -> list[tuple[str, str]]:
    return [(error["pointer"], error["code"]) for error in response.json()["errors"]]


def created(client: JSONClient, *variants: dict, **more: object):
    return client.post(PRODUCTS, {"name": "Lamp", "variants": list(variants), **more})


@pytest.fixture
def lamp() -> Product:
    return make_product(options=COLOUR, variants=[variant("A-1", Colour="Red"), variant("A-2", Colour="Blue")])


def test_options_are_derived_from_the_variants(editor: JSONClient):
    response = created(editor, variant("A-1", Size="S", Colour="Red"), variant("A-2", Size="M", Colour="Red"))

    assert response.json()["options"] == [{"name": "Size", "values": ["S", "M"]}, {"name": "Colour", "values": ["Red"]}]


def test_derived_options_stand_behind_known_ones():
    assert derived_options([{"Colour": "Green"}], COLOUR) == [{"name": "Colour", "values": ["Red", "Blue", "Green"]}]


def test_several_variants_without_options_differ_by_their_skus(editor: JSONClient):
    assert created(editor, {"sku": "A-1"}, {"sku": "A-2"}).status_code == 201


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "options_do_not_fit"),
        ({"Size": "S"}, "options_do_not_fit"),
        ({"Colour": "Red", "Size": "S"}, "options_do_not_fit"),
        ({"colour": "Red"}, "options_do_not_fit"),
        ({"Colour": "Green"}, "options_do_not_fit"),
        ({"Colour": "Blue"}, "duplicate_options"),
    ],
)
def test_a_variant_that_does_not_fit_is_named(editor: JSONClient, options: dict, expected: str):
    response = created(editor, variant("A-1", Colour="Blue"), variant("A-2", **options), options=COLOUR)

    assert (response.status_code, response.json()["code"]) == (422, expected)
    assert errors_of(response) == [("/variants/1/options", expected)]
    assert not Product.objects.exists()
    assert recorded() == []


@pytest.mark.parametrize(
    ("options", "pointer", "code"),
    [
        (
            [{"name": "Colour", "values": ["Red"]}, {"name": "COLOUR", "values": ["S"]}],
            "/options/1/name",
            "duplicate_option",
        ),
        ([{"name": "Colour", "values": ["Red", "Red"]}], "/options/0/values", "duplicate_value"),
        ([{"name": "Colour", "values": []}], "/options/0/values", "empty"),
        ([{"name": "Colour", "values": [" "]}], "/options/0/values/0", "blank"),
        ([{"name": " ", "values": ["Red"]}], "/options/0/name", "blank"),
        ([{"name": "x" * (MAX_OPTION_LENGTH + 1), "values": ["Red"]}], "/options/0/name", "max_length"),
        ([{"name": f"{n}", "values": ["x"]} for n in range(MAX_OPTIONS + 1)], "/options", "max_length"),
        ([{"name": "N", "values": [f"{n}" for n in range(MAX_OPTION_VALUES + 1)]}], "/options/0/values", "max_length"),
    ],
)
def test_invalid_options_are_named(editor: JSONClient, options: list, pointer: str, code: str):
    response = created(editor, {"sku": "A-1"}, options=options)

    assert (response.status_code, errors_of(response)) == (422, [(pointer, code)])


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({" ": "Red"}, "invalid_option"),
        ({"x" * (MAX_OPTION_LENGTH + 1): "Red"}, "invalid_option"),
        ({f"{n}": "x" for n in range(MAX_OPTIONS + 1)}, "max_length"),
    ],
)
def test_the_names_in_a_variant_are_bounded_too(editor: JSONClient, options: dict, code: str):
    response = created(editor, variant("A-1", **options))

    assert (response.status_code, errors_of(response)) == (422, [("/variants/0/options", code)])


def test_names_that_differ_in_case_alone_are_not_derived(editor: JSONClient):
    response = created(editor, variant("A-1", Colour="Red", colour="Red"))

    assert (response.status_code, errors_of(response)) == (422, [("/variants", "duplicate_option")])


def test_as_many_as_the_limits_allow_are_fine(editor: JSONClient):
    names = [f"{number}" for number in range(MAX_OPTIONS)]

    response = created(editor, variant("A-1", **dict.fromkeys(names, "x")))

    assert (response.status_code, [option["name"] for option in response.json()["options"]]) == (201, names)


def test_variants_that_stay_must_fit_changed_options(editor: JSONClient, lamp: Product):
    response = editor.patch(f"{PRODUCTS}{lamp.pk}/", {"options": [{"name": "Colour", "values": ["Red", "Green"]}]})

    assert (response.status_code, errors_of(response)) == (422, [("/options", "options_do_not_fit")])
    lamp.refresh_from_db()
    assert (lamp.options, lamp.version) == (COLOUR, 1)
    assert len(recorded()) == 1


def test_options_and_variants_change_together(editor: JSONClient, lamp: Product):
    sizes = {"options": [{"name": "Size", "values": ["S", "M"]}]}
    change = {**sizes, "variants": [variant("A-1", Size="S"), variant("A-2", Size="M")]}

    body = editor.patch(f"{PRODUCTS}{lamp.pk}/", change).json()

    assert [one["options"] for one in body["variants"]] == [{"Size": "S"}, {"Size": "M"}]
    assert (body["options"], body["version"]) == (sizes["options"], 2)


def test_a_variant_with_a_new_value_needs_the_value_among_the_options(editor: JSONClient, lamp: Product):
    green = variant("A-3", Colour="Green")
    refused = editor.patch(f"{PRODUCTS}{lamp.pk}/", {"variants": [green]})
    options = [{"name": "Colour", "values": ["Red", "Blue", "Green"]}]

    taken = editor.patch(f"{PRODUCTS}{lamp.pk}/", {"variants": [green], "options": options})

    assert (refused.status_code, errors_of(refused)) == (422, [("/variants/0/options", "options_do_not_fit")])
    assert (taken.status_code, len(taken.json()["variants"])) == (200, 3)


def test_two_variants_swap_their_values(editor: JSONClient, lamp: Product):
    swap = [variant("A-1", Colour="Blue"), variant("A-2", Colour="Red")]

    body = editor.patch(f"{PRODUCTS}{lamp.pk}/", {"variants": swap}).json()

    assert [one["options"] for one in body["variants"]] == [{"Colour": "Blue"}, {"Colour": "Red"}]


def test_two_variants_swap_their_skus(editor: JSONClient, lamp: Product):
    first, second = lamp.variants.order_by("pk")
    swap = [{"id": first.pk, "sku": "A-2"}, {"id": second.pk, "sku": "A-1"}]

    response = editor.patch(f"{PRODUCTS}{lamp.pk}/", {"variants": swap})

    assert [(one["id"], one["sku"]) for one in response.json()["variants"]] == [(first.pk, "A-2"), (second.pk, "A-1")]


def test_a_new_variant_takes_the_sku_and_the_values_that_another_gives_up(editor: JSONClient, lamp: Product):
    first = lamp.variants.get(sku="A-1")
    options = [{"name": "Colour", "values": ["Red", "Blue", "Green"]}]
    change = [{"id": first.pk, "sku": "A-9", "options": {"Colour": "Green"}}, variant("A-1", Colour="Red")]

    body = editor.patch(f"{PRODUCTS}{lamp.pk}/", {"options": options, "variants": change}).json()

    shown = {one["sku"]: (one["id"] == first.pk, one["options"]["Colour"]) for one in body["variants"]}
    assert shown == {"A-9": (True, "Green"), "A-2": (False, "Blue"), "A-1": (False, "Red")}


def test_a_sku_of_another_variant_of_the_product_is_409(editor: JSONClient, lamp: Product):
    first = lamp.variants.get(sku="A-1")

    response = editor.patch(f"{PRODUCTS}{lamp.pk}/", {"variants": [{"id": first.pk, "sku": "a-2"}]})

    assert (response.status_code, errors_of(response)) == (409, [("/variants/0/sku", "sku_taken")])


def test_a_product_has_no_more_variants_than_it_may(editor: JSONClient):
    lamp = make_product(variants=[{"sku": f"A-{number}"} for number in range(MAX_VARIANTS)])

    response = editor.patch(f"{PRODUCTS}{lamp.pk}/", {"variants": [{"sku": "B"}]})

    assert (response.status_code, errors_of(response)) == (422, [("/variants", "too_many_variants")])
    assert lamp.variants.count() == MAX_VARIANTS
