"""What is decided on each field of a product that both sides have, by its owner and by what was agreed on last."""

from typing import Any

import pytest

from pms_integration.services.product_fields import Values
from pms_integration.services.product_merge import Merge, Pair, Sides, is_same, merge, merge_deletion

OWNERS = ("pms", "local", "shared")
# A value that a side does not have, or a pair that was never agreed on.
NONE = None


def owned_by(owner: str) -> dict[str, str]:
    return dict.fromkeys(("content", "price", "publication"), owner)


def sides(
    owner: str = "shared", *, theirs: Values, ours: Values, owners: dict[str, str] | None = None, **more: Any
) -> Sides:
    return Sides(owners=owned_by(owner) | (owners or {}), theirs=theirs, ours=ours, **more)


def decision(merged: Merge, name: str) -> str:
    """The one thing that is done about a field."""
    done = {"take": merged.take, "push": merged.push, "conflict": merged.conflicts}
    found = [action for action, names in done.items() if name in names]
    assert len(found) < 2
    return found[0] if found else "stays"


# The pair (theirs, ours) agreed on last; theirs and ours now; what is done where the PMS, we, or both own the field.
TABLE = [
    # agreed, theirs, ours, pms, local, shared
    pytest.param(["A", "A"], "A", "A", "stays", "stays", "stays", id="nobody has changed it"),
    pytest.param(["A", "A"], "B", "A", "take", "push", "take", id="the PMS has changed it"),
    pytest.param(["A", "A"], "A", "B", "take", "push", "push", id="we have changed it"),
    pytest.param(["A", "A"], "B", "B", "stays", "stays", "stays", id="both have changed it to the same value"),
    pytest.param(["A", "A"], "B", "C", "take", "push", "conflict", id="both have changed it to different values"),
    pytest.param(NONE, "A", "A", "stays", "stays", "stays", id="equal at the first link"),
    pytest.param(NONE, "A", "B", "take", "push", "conflict", id="different at the first link"),
    pytest.param(NONE, NONE, "B", "stays", "push", "stays", id="not told at the first link"),
    pytest.param([NONE, "B"], NONE, "C", "stays", "push", "push", id="never told, and we have changed it"),
    pytest.param([NONE, "B"], "D", "B", "take", "push", "take", id="told for the first time after the link"),
    pytest.param(["a", "A"], "a", "A", "stays", "stays", "stays", id="each stores it in its own way"),
    pytest.param(["a", "A"], "a", "B", "take", "push", "push", id="stored in its own way, and we have changed it"),
    pytest.param(["a", "A"], "b", "A", "take", "push", "take", id="stored in its own way, and the PMS has changed it"),
    pytest.param(["A", "A"], "", NONE, "stays", "stays", "stays", id="both have emptied it"),
    pytest.param(["A", "A"], "", "A", "take", "push", "take", id="the PMS has emptied it"),
]  # fmt: skip


@pytest.mark.parametrize(("agreed", "theirs", "ours", "pms", "local", "shared"), TABLE)
@pytest.mark.parametrize("owner", OWNERS)
@pytest.mark.parametrize("field", ["brand", "variants[a-1].price", "status"])
def test_the_owner_and_what_was_agreed_on_decide(
    field: str, owner: str, agreed: Pair | None, theirs: Any, ours: Any, pms: str, local: str, shared: str
) -> None:
    variant = {"variants[a-1].sku": "A-1"} if field.startswith("variants") else {}
    found = merge(
        sides(
            owner,
            theirs={**variant, field: theirs},
            ours={**variant, field: ours},
            agreed={field: agreed} if agreed else {},
        )
    )

    wanted = {"pms": pms, "local": local, "shared": shared}[owner]
    assert decision(found, field) == wanted
    # What is at rest is agreed on; what moves is agreed on when it has arrived.
    moves = wanted != "stays"
    assert found.agreed.get(field) == (agreed if moves else [theirs, ours])


def test_a_field_is_of_the_group_of_its_name() -> None:
    names = {
        "content": ["name", "handle", "description", "brand", "category", "tags", "attributes", "options", "images"],
        "publication": ["status"],
    }
    of_variants = {
        "content": ["barcode", "name", "options", "weight_grams", "position"],
        "price": ["price", "currency", "compare_at_price", "cost"],
    }
    for group, fields in of_variants.items():
        names.setdefault(group, []).extend(f"variants[a-1].{name}" for name in fields)
    sku = {"variants[a-1].sku": "A-1"}

    for group, fields in names.items():
        for name in fields:
            # Of another number of elements, if it has any.
            alone = sides("pms", owners={group: "local"}, theirs={**sku, name: ["x"]}, ours={**sku, name: ["y", "z"]})
            assert decision(merge(alone), name) == "push", name


# -- equal, as we store it -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "theirs", "ours", "expected"),
    [
        ("brand", "", None, True),
        ("tags", None, [], True),
        ("attributes", {}, None, True),
        ("variants[a-1].position", 0, None, False),
        ("description", "<p onclick='x'>Soft</p><script>1</script>", "<p>Soft</p>", True),
        ("name", "<p onclick='x'>Soft</p>", "<p>Soft</p>", False),
        ("images", [{"url": "u", "alt": None}], [{"url": "u", "alt": "Ours"}], True),
        ("images", [{"url": "u", "alt": ""}], [{"url": "u", "alt": "Ours"}], False),
        ("images", [{"url": "u", "alt": ""}], [{"url": "v", "alt": ""}], False),
        ("images", [{"url": "u", "alt": ""}, {"url": "v", "alt": ""}], [{"url": "u", "alt": ""}], False),
        (
            "images",
            [{"url": "u", "alt": ""}, {"url": "v", "alt": ""}],
            [{"url": "v", "alt": ""}, {"url": "u", "alt": ""}],
            False,
        ),
    ],
)
def test_equal_is_what_we_would_store_as_the_same(name: str, theirs: Any, ours: Any, expected: bool) -> None:
    assert is_same(name, theirs, ours) is expected


# What the PMS has, what we make of it, and what the PMS has next.
STORED_OTHERWISE = [
    pytest.param("description", "<script>1</script>Soft", "Soft", "<script>2</script>Soft", "stays", id="sanitised"),
    pytest.param("description", "<script>1</script>Soft", "Soft", "Hard", "take", id="sanitised, then changed"),
    pytest.param("category", "Unknown", None, "Unknown", "stays", id="an unknown category"),
    pytest.param("category", "Unknown", None, "Known", "take", id="an unknown category, then a known one"),
    pytest.param("status", "active", "draft", "active", "stays", id="a draft because of the publish rules"),
    pytest.param("status", "active", "draft", "archived", "take", id="a draft that was archived there"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "theirs", "ours", "then", "wanted"), STORED_OTHERWISE)
@pytest.mark.parametrize("owner", ["pms", "shared"])
def test_what_we_store_differently_is_no_edit_of_ours(
    owner: str, name: str, theirs: Any, ours: Any, then: Any, wanted: str
) -> None:
    found = merge(sides(owner, theirs={name: then}, ours={name: ours}, agreed={name: [theirs, ours]}))

    assert decision(found, name) == wanted


# -- a push whose answer is not known --------------------------------------------------------------------------------


def test_a_field_in_flight_waits_for_its_answer() -> None:
    in_flight = {"agreed": {"brand": ["A", "A"]}, "sent": {"brand": ["B", "B"]}}

    for theirs in ("A", "C"):
        for ours in ("B", "D"):
            found = merge(sides(theirs={"brand": theirs}, ours={"brand": ours}, **in_flight))
            assert (decision(found, "brand"), found.agreed) == ("stays", {"brand": ["A", "A"]})


def test_a_field_that_is_not_in_flight_moves_meanwhile() -> None:
    agreed = {"brand": ["A", "A"], "name": ["N", "N"]}

    found = merge(
        sides(
            theirs={"brand": "A", "name": "M"},
            ours={"brand": "B", "name": "N"},
            agreed=agreed,
            sent={"brand": ["B", "B"]},
        )
    )

    assert (decision(found, "brand"), decision(found, "name")) == ("stays", "take")


@pytest.mark.parametrize("is_answered", [False, True])
@pytest.mark.parametrize(("ours", "wanted"), [("B", "stays"), ("C", "push")])
def test_the_values_of_a_lost_push_are_agreed_on_once_a_report_shows_them(
    ours: str, wanted: str, is_answered: bool
) -> None:
    found = merge(
        sides(
            theirs={"brand": "B"},
            ours={"brand": ours},
            agreed={"brand": ["A", "A"]},
            sent={"brand": ["B", "B"]},
            is_answered=is_answered,
        )
    )

    assert (decision(found, "brand"), found.agreed) == (wanted, {"brand": ["B", "B"]})


def test_an_edit_there_after_the_push_that_was_answered_is_taken() -> None:
    """The answer to the repeated request shows the product as it is now: the push was made, and edited since."""
    for agreed in ({}, {"brand": ["A", "A"]}):
        found = merge(
            sides(
                theirs={"brand": "C"}, ours={"brand": "B"}, agreed=agreed, sent={"brand": ["B", "B"]}, is_answered=True
            )
        )

        assert (decision(found, "brand"), found.agreed) == ("take", {"brand": ["B", "B"]})


# -- conflicts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("owner", OWNERS)
def test_a_field_in_conflict_moves_no_further_until_both_are_equal_or_one_side_owns_it(owner: str) -> None:
    disputed = {"agreed": {"brand": ["A", "A"]}, "disputed": {"brand"}}

    for theirs, ours in (("B", "C"), ("A", "C"), ("B", "A"), ("D", "E")):
        found = merge(sides(owner, theirs={"brand": theirs}, ours={"brand": ours}, **disputed))
        assert decision(found, "brand") == (
            "conflict" if owner == "shared" else {"pms": "take", "local": "push"}[owner]
        )
    equal = merge(sides(owner, theirs={"brand": "C"}, ours={"brand": "C"}, **disputed))
    assert (decision(equal, "brand"), equal.agreed) == ("stays", {"brand": ["C", "C"]})


@pytest.mark.parametrize(("ours", "wanted"), [("Other", "stays"), ("Ours", "take")])
def test_what_another_pms_that_owns_the_field_has_told_is_no_edit_of_ours(ours: str, wanted: str) -> None:
    found = merge(
        sides(
            "pms",
            theirs={"brand": "Theirs"},
            ours={"brand": ours},
            agreed={"brand": ["Theirs", "Theirs"]},
            rivals=[{"brand": "Other"}, {}],
        )
    )

    assert decision(found, "brand") == wanted


def test_a_conflict_in_one_field_stops_no_other() -> None:
    values = {"brand": "A", "name": "A", "tags": ["a"]}

    found = merge(
        sides(
            theirs={"brand": "B", "name": "B", "tags": ["a"]},
            ours={"brand": "C", "name": "A", "tags": ["c"]},
            agreed={name: [value, value] for name, value in values.items()},
        )
    )

    assert (found.take, found.push, found.conflicts) == ({"name": "B"}, {"tags": ["c"]}, {"brand"})


# -- variants --------------------------------------------------------------------------------------------------------


def variant(sku: str, price: str = "1.00", **more: Any) -> Values:
    values = {"sku": sku, "price": price, **more}
    return {f"variants[{sku.lower()}].{name}": value for name, value in values.items()}


ONE, TWO = variant("A-1"), variant("A-2")


def paired(values: Values) -> dict[str, Pair]:
    return {name: [value, value] for name, value in values.items()}


@pytest.mark.parametrize(
    ("owner", "is_taken", "is_pushed"), [("pms", True, False), ("shared", True, True), ("local", False, True)]
)
def test_a_new_variant_goes_to_the_other_side_where_content_allows_it(
    owner: str, is_taken: bool, is_pushed: bool
) -> None:
    for prices in OWNERS:
        owners, known = {"price": prices}, paired(ONE)
        there = merge(sides(owner, owners=owners, theirs=ONE | TWO, ours=ONE, agreed=known))
        here = merge(sides(owner, owners=owners, theirs=ONE, ours=ONE | TWO, agreed=known))

        assert (there.take, there.new_variants) == ((TWO, {"a-2"}) if is_taken else ({}, set()))
        assert here.push == (TWO if is_pushed else {})
        assert (there.is_pushed, here.take) == (False, {})


@pytest.mark.parametrize(
    ("owner", "comes_back", "is_removed"), [("pms", True, False), ("shared", False, True), ("local", False, True)]
)
def test_a_variant_that_we_have_removed(owner: str, comes_back: bool, is_removed: bool) -> None:
    found = merge(sides(owner, theirs=ONE | TWO, ours=ONE, agreed=paired(ONE | TWO)))

    assert found.new_variants == ({"a-2"} if comes_back else set())
    assert found.removed == ({"a-2"} if is_removed else set())
    assert found.is_pushed is is_removed


def test_a_variant_that_we_have_removed_comes_back_if_the_pms_has_changed_it_since() -> None:
    changed = variant("A-2", price="2.00")

    assert merge(sides(theirs=ONE | changed, ours=ONE, agreed=paired(ONE | TWO))).new_variants == {"a-2"}
    local = merge(sides("local", theirs=ONE | changed, ours=ONE, agreed=paired(ONE | TWO)))
    assert (local.new_variants, local.removed) == (set(), {"a-2"})


@pytest.mark.parametrize(
    ("owner", "ours", "is_pushed"),
    [
        ("pms", TWO, False),
        ("shared", TWO, False),
        ("local", TWO, True),
        ("pms", variant("A-2", price="2.00"), False),
        ("shared", variant("A-2", price="2.00"), True),
        ("local", variant("A-2", price="2.00"), True),
    ],
)
def test_a_variant_that_the_pms_has_removed_stays_removed_there_unless_it_is_ours_or_we_have_changed_it(
    owner: str, ours: Values, is_pushed: bool
) -> None:
    found = merge(sides(owner, theirs=ONE, ours=ONE | ours, agreed=paired(ONE | TWO)))

    assert (found.push, found.take) == (ours if is_pushed else {}, {})


@pytest.mark.parametrize("owner", ["shared", "local"])
def test_a_variant_that_the_pms_does_not_take_is_not_sent_again(owner: str) -> None:
    agreed = paired(ONE) | {name: [NONE, value] for name, value in TWO.items()}

    assert merge(sides(owner, theirs=ONE, ours=ONE | TWO, agreed=agreed)).push == {}


@pytest.mark.parametrize("owner", ["shared", "local"])
def test_a_new_variant_of_ours_whose_push_was_lost_is_sent_again(owner: str) -> None:
    new = variant("A-2", cost=None)

    found = merge(sides(owner, theirs=ONE, ours=ONE | new, agreed=paired(ONE), sent=paired(new)))

    assert found.push == new


def test_the_spelling_of_a_sku_is_no_difference_at_the_first_link() -> None:
    here = {"variants[a-1].sku": "A-1", "variants[a-1].price": "1.00"}
    there = here | {"variants[a-1].sku": "a-1"}

    found = merge(sides(theirs=there, ours=here))

    assert (found.take, found.push, found.conflicts) == ({}, {}, set())
    assert found.agreed["variants[a-1].sku"] == ["a-1", "A-1"]


@pytest.mark.parametrize(("owner", "wanted"), [("pms", "take"), ("local", "push"), ("shared", "push")])
def test_another_spelling_of_a_sku_goes_to_the_other_side_like_every_change(owner: str, wanted: str) -> None:
    name = "variants[a-1].sku"

    found = merge(sides(owner, theirs={name: "A-1"}, ours={name: "a-1"}, agreed={name: ["A-1", "A-1"]}))

    assert decision(found, name) == wanted


# -- images ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("owner", "wanted"), [("pms", "take"), ("local", "push"), ("shared", "conflict")])
def test_images_are_one_field(owner: str, wanted: str) -> None:
    here, there = [{"url": "https://a.example/1.png", "alt": ""}], [{"url": "https://a.example/2.png", "alt": ""}]

    found = merge(sides(owner, theirs={"images": there}, ours={"images": here}))

    assert decision(found, "images") == wanted


@pytest.mark.parametrize("owner", ["pms", "shared"])
def test_a_pms_that_tells_nothing_of_images_leaves_ours(owner: str) -> None:
    found = merge(sides(owner, theirs={}, ours={"images": [{"url": "https://a.example/1.png", "alt": ""}]}))

    assert decision(found, "images") == "stays"


# -- deletions -------------------------------------------------------------------------------------------------------


AT_REST = {"brand": "A", "status": "active"}


@pytest.mark.parametrize(("owner", "is_archived"), [("pms", True), ("shared", True), ("local", False)])
def test_a_deletion_archives_where_publication_is_not_ours_alone(owner: str, is_archived: bool) -> None:
    found = merge_deletion(
        sides("shared", owners={"publication": owner}, theirs=AT_REST, ours=AT_REST, agreed=paired(AT_REST))
    )

    assert found.take == ({"status": "archived"} if is_archived else {})
    assert (found.push, found.conflicts) == ({}, set() if is_archived else {"status"})
    assert found.agreed == paired(AT_REST)


@pytest.mark.parametrize("owner", ["local", "shared"])
def test_an_edit_of_ours_beats_a_deletion(owner: str) -> None:
    found = merge_deletion(sides(owner, theirs=AT_REST, ours={**AT_REST, "brand": "B"}, agreed=paired(AT_REST)))

    assert (found.take, found.push, found.conflicts) == ({}, {}, {"status"})


def test_what_the_pms_owns_and_was_edited_here_does_not_stop_a_deletion() -> None:
    found = merge_deletion(sides("pms", theirs=AT_REST, ours={**AT_REST, "brand": "B"}, agreed=paired(AT_REST)))

    assert (found.take, found.conflicts) == ({"status": "archived"}, set())


def test_what_we_own_and_was_edited_there_does_not_stop_a_deletion() -> None:
    owners = {"content": "local"}

    found = merge_deletion(sides(owners=owners, theirs={**AT_REST, "brand": "B"}, ours=AT_REST, agreed=paired(AT_REST)))

    assert (found.take, found.push, found.conflicts) == ({"status": "archived"}, {}, set())


@pytest.mark.parametrize("owner", OWNERS)
def test_the_deletion_of_what_is_archived_here_changes_nothing(owner: str) -> None:
    ours = {**AT_REST, "status": "archived"}

    found = merge_deletion(sides(owner, theirs=AT_REST, ours=ours, agreed=paired(AT_REST)))

    assert (found.take, found.push, found.conflicts) == ({}, {}, set())
