"""Two systems that both edit come to the same products at rest, whatever is lost, doubled, late or reordered."""

import uuid
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from tests.pms_integration.product_pushes.two_catalogues import GROUP_OF, pair, steps_of

pytestmark = pytest.mark.django_db(transaction=True)

# Few fields, so that both sides edit the same one.
FIELDS = st.lists(st.sampled_from(sorted(GROUP_OF)), min_size=1, max_size=2, unique=True)
INDEX = st.integers(0, 1)
RARELY = st.sampled_from([False, False, False, True])
EDIT = st.none() | st.none() | st.tuples(st.sampled_from(["edit_here", "edit_there"]), INDEX)
OWNERS = st.fixed_dictionaries(
    dict.fromkeys(("content", "price", "publication"), st.sampled_from(["shared", "shared", "pms", "local"]))
)


def step(name: str, /, **arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    """A call of a method of `Pair`."""
    return st.tuples(st.just(name), st.fixed_dictionaries(arguments))


OFTEN = [
    step("edit_here", index=INDEX),
    step("edit_there", index=INDEX, is_lost=RARELY),
    step("push", fault=st.sampled_from(["", "before", "after"]), before=EDIT, after=EDIT),
]
STEP = st.one_of(
    *(OFTEN * 3),
    step("deliver", index=st.integers(0, 9), keeps=RARELY),
    step("deliver", index=st.integers(0, 9), keeps=RARELY),
    step("add_variant_here"),
    step("add_variant_there"),
    step("relay"),
    step("deliver_all"),
    step("pull"),
    step("resolve", side=st.sampled_from(["pms", "local"])),
)
LAST = st.sampled_from(["relay", "relay", "relay", "delete_there"])


@pytest.mark.parametrize("examples", [25, pytest.param(400, marks=pytest.mark.slow)])
def test_at_rest_both_have_what_the_owners_say_and_the_last_edit(examples: int) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(owners=OWNERS, fields=FIELDS, is_made_here=st.booleans(), steps=st.lists(STEP, max_size=12), last=LAST)
    def check(
        owners: dict[str, str],
        fields: list[str],
        is_made_here: bool,
        steps: list[tuple[str, dict[str, Any]]],
        last: str,
    ) -> None:
        note(f"{owners}, {fields}, is_made_here={is_made_here}, {steps}, {last}")
        with pair(f"c-{uuid.uuid4().hex[:8]}", owners, fields, is_made_here=is_made_here) as both:
            steps_of(both, steps)
            getattr(both, last)()
            both.come_to_rest()

            both.check()

    check()
