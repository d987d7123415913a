"""Pictures of a product are dropped on its page, ordered by keyboard, described and deleted; nothing else is lost."""

import base64

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from products.models import Product, ProductImage
from tests.browser.pages import answer_after, become, errors_of, page_of, session_of
from tests.factories import make_product
from tests.products.admin_pages import ADD
from tests.products.pictures import make_image, picture

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

DROP = """
(zone, files) => {
    const transfer = new DataTransfer();
    for (const [name, content] of files) {
        const bytes = Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
        transfer.items.add(new File([bytes], name, { type: "image/jpeg" }));
    }
    for (const type of ["dragover", "drop"]) {
        zone.dispatchEvent(new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true }));
    }
}
"""
# The colour in the middle of each picture, as it is shown.
COLORS = """
(images) => images.map((image) => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 1;
    canvas.getContext("2d").drawImage(image, image.naturalWidth / 2, image.naturalHeight / 2, 1, 1, 0, 0, 1, 1);
    const [red, green, blue] = canvas.getContext("2d").getImageData(0, 0, 1, 1).data;
    return red > 200 ? "red" : blue > 200 ? "blue" : "green";
})
"""


def drop(page: Page, **contents: bytes) -> None:
    files = [[f"{name}.jpg", base64.b64encode(content).decode()] for name, content in contents.items()]
    page.locator("[data-drop-zone]").evaluate(DROP, files)


def colors(page: Page) -> list[str]:
    page.wait_for_function("[...document.querySelectorAll('.picture-card img')].every((image) => image.complete)")
    return list(page.locator(".picture-card img").evaluate_all(COLORS))


def test_pictures_are_dropped_ordered_described_and_deleted(live_server: LiveServer, chromium: str):
    product = make_product("A-1")
    make_image(product, "green")
    catalogue, warehouse = session_of("cara", "Catalogue"), session_of("walt", "Warehouse")
    with page_of(chromium) as page:
        errors = errors_of(page)
        become(page, live_server.url, catalogue)
        page.goto(f"{live_server.url}/admin/products/product/{product.pk}/change/")
        page.locator("#id_name").fill("Unsaved lamp")

        drop(page, red=picture(color="red"), bad=b"<svg/>", blue=picture(color="blue"))
        expect(page.locator(".picture-card")).to_have_count(3)
        expect(page.get_by_text("A picture is a JPEG, PNG, WebP, GIF or AVIF; this is none of them.")).to_be_visible()
        assert colors(page) == ["green", "red", "blue"]

        page.get_by_role("button", name="Move picture 3 earlier").focus()
        page.keyboard.press("Enter")
        expect(page.locator("[data-said]")).to_have_text("The order is saved.")
        # The focus has moved with the picture.
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="Move picture 1 later")).to_be_focused()
        assert colors(page) == ["blue", "green", "red"]

        page.get_by_label("Alt text of picture 1").fill("A blue lamp")
        page.keyboard.press("Tab")
        expect(page.locator("[data-said]")).to_have_text("The alt text is saved.")

        page.get_by_role("button", name="Delete picture 2").click()
        page.get_by_role("button", name="Keep it").locator("visible=true").click()
        page.get_by_role("button", name="Delete picture 2").click()
        expect(page.get_by_role("button", name="Delete it").locator("visible=true")).to_be_focused()
        # The second press does nothing.
        page.get_by_role("button", name="Delete it").locator("visible=true").dblclick()
        expect(page.locator("[data-said]")).to_have_text("The picture is deleted.")
        assert colors(page) == ["blue", "red"]

        page.locator(".picture-frame").nth(1).drag_to(page.locator(".picture-frame").nth(0))
        expect(page.locator("[data-said]")).to_have_text("The order is saved.")
        assert colors(page) == ["red", "blue"]
        expect(page.locator(".picture-card").first.get_by_text("Main picture")).to_be_visible()

        expect(page.locator("#id_name")).to_have_value("Unsaved lamp")
        # The text is saved before the page.
        answer_after(page, 300)
        page.get_by_label("Alt text of picture 1").fill("A red lamp")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("was changed successfully")).to_be_visible()
        # The refused file.
        assert [error for error in errors if "422" not in error] == []

        become(page, live_server.url, warehouse)
        page.goto(f"{live_server.url}/admin/products/product/{product.pk}/change/")
        expect(page.locator(".picture-card").nth(1).get_by_text("A blue lamp")).to_be_visible()
        expect(page.get_by_role("button", name="Move picture")).to_have_count(0)
        expect(page.get_by_text("Drop pictures here")).to_have_count(0)

    assert Product.objects.get().name == "Unsaved lamp"
    assert list(ProductImage.objects.order_by("position").values_list("alt", flat=True)) == [
        "A red lamp",
        "A blue lamp",
    ]


def test_what_a_lost_session_did_not_save_is_not_called_saved(live_server: LiveServer, chromium: str):
    product = make_product("A-1")
    make_image(product)
    catalogue = session_of("cara", "Catalogue")
    with page_of(chromium) as page:
        dialogs: list[str] = []
        page.on("dialog", lambda dialog: (dialogs.append(dialog.type), dialog.dismiss()))
        become(page, live_server.url, catalogue)
        page.goto(f"{live_server.url}/admin/products/product/{product.pk}/change/")
        page.context.clear_cookies(name="sessionid")

        page.get_by_label("Alt text of picture 1").fill("A red lamp")
        page.keyboard.press("Tab")
        expect(page.locator("[data-alt-refused]")).to_contain_text("It was not saved")
        drop(page, blue=picture(color="blue"))
        expect(page.locator("[data-uploads] li")).to_contain_text("It was not saved")

        page.get_by_role("button", name="Save", exact=True).click()
        page.wait_for_timeout(500)
        assert dialogs == ["beforeunload"]
        expect(page.get_by_label("Alt text of picture 1")).to_have_value("A red lamp")

    assert list(ProductImage.objects.values_list("alt", flat=True)) == [""]


def test_a_new_product_takes_no_more_pictures_than_a_form_may_have(live_server: LiveServer, chromium: str):
    catalogue = session_of("cara", "Catalogue")
    with page_of(chromium) as page:
        become(page, live_server.url, catalogue)
        page.goto(f"{live_server.url}{ADD}")
        page.get_by_label("Name*").fill("Tea")
        page.locator("#id_variants-0-sku").fill("TEA")

        drop(page, **{f"picture-{number}": picture(size=(64, 64 + number)) for number in range(11)})
        expect(page.get_by_text("At most 10 pictures are added with a new product")).to_be_visible()
        expect(page.locator("[data-uploads] li")).to_have_count(10)
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("Tea is saved as a draft.")).to_be_visible()

    assert ProductImage.objects.count() == 10
