"""Pages by keyset: what is written meanwhile moves nothing that a reader has yet to see."""

import threading

from tests.pms_integration.simulator.calling import SimulatorHere, product


def test_a_page_has_what_the_limit_says_and_the_last_has_no_cursor(start):
    pms: SimulatorHere = start(products=450)

    sizes, cursor = [], {}
    while cursor is not None:
        page = pms.get("/products", limit=200, **cursor)
        sizes.append(len(page["products"]))
        cursor = {"cursor": page["next"]} if page["next"] else None

    assert sizes == [200, 200, 50]
    assert len(pms.get("/products")["products"]) == 100


def test_changes_between_pages_neither_skip_nor_repeat_a_product(start):
    pms: SimulatorHere = start(products=6)
    ids = [row["id"] for row in pms.every("/products")]
    first = pms.get("/products", limit=3)

    pms.control(f"products/{ids[0]}", method="DELETE")
    pms.control(f"products/{ids[4]}", {"name": "Edited"}, method="PATCH")
    pms.control("products", product(id="a-before-all"), status=201)
    rest = pms.get("/products", limit=3, cursor=first["next"])

    assert [row["id"] for row in (*first["products"], *rest["products"])] == ids
    assert (rest["products"][1]["name"], rest["next"]) == ("Edited", None)
    since = pms.every("/products", updated_since=first["products"][0]["updated_at"])
    assert "a-before-all" in [row["id"] for row in since]


def test_a_reader_meets_every_level_once_while_others_sell(start):
    pms: SimulatorHere = start(products=30)
    levels = [(row["sku"], row["location"]) for row in pms.every("/stock", limit=200)]
    is_over = threading.Event()

    def sell() -> None:
        while not is_over.is_set():
            for sku, location in levels:
                pms.control("stock/sell", {"sku": sku, "location": location, "quantity": 1})

    seller = threading.Thread(target=sell)
    seller.start()
    try:
        read = [[(row["sku"], row["location"]) for row in pms.every("/stock", limit=7)] for _ in range(5)]
    finally:
        is_over.set()
        seller.join()

    assert read == [levels] * 5
