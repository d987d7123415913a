"""What is run of a page, and which answers fit what it shows."""

import pytest

from tests.docs.newcomer import differences
from tests.docs.pages import Block, blocks_of


def test_a_command_that_is_not_run_is_left_out_with_the_lines_that_continue_it() -> None:
    text = "curl -si -X OPTIONS \\\n    -H a \\\n    b\ncurl c\n"

    assert Block("docs/supabase.md", 1, "sh", text, "").runnable == "curl c\n"


def test_a_comment_leaves_out_its_block() -> None:
    block = Block("docs/api-guide.md", 1, "sh", "# whose values hold\ncurl a\n", "")

    assert (block.runnable, block.is_run) == ("", False)


def test_a_block_knows_its_line_and_the_answer_that_follows_it() -> None:
    asking = next(block for block in blocks_of("docs/api-guide.md") if "/products/bulk/" in block.text)

    assert asking.language == "sh"
    assert asking.answer.startswith('{"results": [')
    assert blocks_of("README.md")[0].place == "README.md:14"


@pytest.mark.parametrize(
    ("shown", "came", "wrong"),
    [
        ({"a": 1, "b": [{"c": 1}]}, {"b": [{"c": 2}, {"c": 3}], "a": None}, []),
        ({"a": 1}, {"next": None, "results": [{"a": 2}]}, []),
        ({"a": 1}, {"b": 1}, ["/ shows ['a'], and ['b'] came"]),
        ({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}}, ["/a shows ['b'], and ['b', 'c'] came"]),
        ({"a": [1]}, {"a": []}, ["/a shows entries, and none came"]),
        ({"a": 1}, {"results": []}, ["/results/0 shows {'a': 1}, and None came"]),
        ({"a": 1}, None, ["/ shows {'a': 1}, and None came"]),
    ],
)
def test_an_answer_has_the_members_that_are_shown(shown: object, came: object, wrong: list[str]) -> None:
    assert list(differences(shown, came)) == wrong
