"""Somebody of the catalogue makes a product with options, variants and a picture by keyboard, and publishes it."""

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from products.models import Product, ProductStatus
from tests.browser.pages import become, errors_of, page_of, session_of
from tests.factories import make_product
from tests.products.admin_pages import ADD
from tests.products.admin_pages import page as address
from tests.products.pictures import picture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SKUS = ["TEA-S-RED", "TEA-S-BLUE", "TEA-M-RED", "TEA-M-BLUE"]


def add_option(page: Page, name: str, values: str) -> None:
    """Names an option and its values, each ended with Enter."""
    page.get_by_role("button", name="Add an option").press("Enter")
    expect(page.locator(".option-name").last).to_be_focused()
    page.keyboard.type(f"{name}\n{values}\n")


def test_a_product_is_made_and_published_after_a_refused_try(live_server: LiveServer, chromium: str):
    catalogue, warehouse = session_of("cora", "Catalogue"), session_of("walt", "Warehouse")
    with page_of(chromium) as page:
        errors = errors_of(page)
        become(page, live_server.url, warehouse)
        page.goto(f"{live_server.url}{ADD}")
        expect(page.get_by_role("heading", name="You may not do this").last).to_be_visible()
        errors.clear()

        become(page, live_server.url, catalogue)
        page.goto(f"{live_server.url}{ADD}")
        page.get_by_label("Name*").fill("Tea")
        page.locator("#id_variants-0-sku").fill("TEA")
        page.locator("#id_variants-0-price").fill("1,250.50")
        page.locator("[name=new_images]").set_input_files(
            {"name": "tea.jpg", "mimeType": "image/jpeg", "buffer": picture()}
        )
        add_option(page, "Size", "S, M")
        add_option(page, "Colour", "red, blue")
        page.get_by_role("button", name="Add the missing variants (4)").press("Enter")
        expect(page.locator("#id_variants-0-sku")).to_be_focused()
        assert [page.locator(f"#id_variants-{row}-sku").input_value() for row in range(4)] == SKUS
        page.locator("#id_variants-3-price").fill("")
        page.get_by_role("button", name="Save", exact=True).click()

        expect(page.get_by_text("Tea is saved as a draft.")).to_be_visible()
        expect(page.get_by_role("link", name="Enter the price of TEA-M-BLUE.")).to_be_visible()
        page.get_by_role("button", name="Publish", exact=True).click()
        price = page.locator("#id_variants-3-price")
        expect(price).to_be_focused()
        expect(price).to_have_accessible_description("TEA-M-BLUE has no price.")
        price.fill("1,250.50")
        page.get_by_role("button", name="Publish", exact=True).click()
        expect(page.get_by_text("Tea is published.")).to_be_visible()
        assert errors == []

    product = Product.objects.get()
    assert (product.status, product.images.count()) == (ProductStatus.ACTIVE, 1)
    assert [variant.sku for variant in product.variants.all()] == SKUS


@pytest.mark.slow
def test_options_that_change_later_change_their_variants(live_server: LiveServer, chromium: str):
    sizes = [{"name": "Siz", "values": ["S", "M"]}]
    variants = [{"sku": f"TEA-{size}", "price": "9.00", "options": {"Siz": size}} for size in "SM"]
    product = make_product(name="Tea", options=sizes, variants=variants)
    catalogue = session_of("cora", "Catalogue")
    with page_of(chromium) as page:
        errors = errors_of(page)
        become(page, live_server.url, catalogue)
        page.goto(f"{live_server.url}{address(product)}")
        page.locator(".option-name").fill("Size")
        page.locator(".option-value input").first.fill("Small")
        page.get_by_label("Add values, separated by commas").fill("L, XL")
        page.get_by_label("Add values, separated by commas").press("Enter")
        page.get_by_role("button", name="Add the missing variants (2)").click()
        expect(page.get_by_text("Variants added, not saved yet: 2")).to_be_visible()
        page.get_by_role("button", name="Leave this variant out").first.click()
        expect(page.locator("#id_variants-2-sku")).to_have_value("TEA-XL")
        page.get_by_role("button", name="Remove M", exact=True).click()
        expect(page.locator("#id_variants-1-is_archived")).to_be_checked()
        page.locator("#id_variants-0-price").fill("90.00")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("9.00 → 90.00: is that right? Save again if it is.")).to_be_visible()
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("was changed successfully")).to_be_visible()
        assert errors == []

    product.refresh_from_db()
    assert product.options == [{"name": "Size", "values": ["Small", "L", "XL"]}]
    current = product.variants.filter(is_archived=False)
    assert [(one.sku, one.options, str(one.price)) for one in current] == [
        ("TEA-S", {"Size": "Small"}, "90.00"),
        ("TEA-XL", {"Size": "XL"}, "9.00"),
    ]


@pytest.mark.slow
def test_an_option_does_not_take_over_the_values_of_another(live_server: LiveServer, chromium: str):
    options = [{"name": "Size", "values": ["S", "M"]}, {"name": "Colour", "values": ["red"]}]
    variants = [{"sku": f"TEA-{size}", "price": "9.00", "options": {"Size": size, "Colour": "red"}} for size in "SM"]
    product = make_product(name="Tea", options=options, variants=variants)
    catalogue = session_of("cora", "Catalogue")
    with page_of(chromium) as page:
        errors = errors_of(page)
        become(page, live_server.url, catalogue)
        page.goto(f"{live_server.url}{address(product)}")
        name, value = page.locator(".option-name").first, page.locator(".option-value input").first

        for field, text, own in ((name, "colour", "Size"), (name, " ", "Size"), (value, "m", "S"), (value, "", "S")):
            field.fill(text)
            field.press("Enter")
            expect(field).to_have_value(own)
            said = page.get_by_text(f"There is another one with this name: {text}")
            expect(said).to_have_count(1 if text.strip() else 0)
        value.fill("s")
        value.press("Enter")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("was changed successfully")).to_be_visible()
        assert errors == []

    product.refresh_from_db()
    assert product.options == [{"name": "Size", "values": ["s", "M"]}, options[1]]
    assert [one.options for one in product.variants.all()] == [
        {"Size": "s", "Colour": "red"},
        {"Size": "M", "Colour": "red"},
    ]
