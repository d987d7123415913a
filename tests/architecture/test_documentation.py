"""The pages of the documentation: each block is run or read, and what they name exists."""

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from django.core.management import get_commands
from dotenv.parser import parse_stream

from tests.architecture.sources import ROOT
from tests.docs.pages import NOT_RUN, PAGES, READ, RUN, blocks_of, prose

LINKING: Final = (*PAGES, "CHANGELOG.md", *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("docs/adr/*.md")))
LINK: Final = re.compile(r"\]\(([^)\s]+)\)")
HEADING: Final = re.compile(r"^#+ (.+)$")
# More commands that nobody runs need a better reason than those that are there.
MOST_NOT_RUN: Final = 20
# Beginnings of paths in the project; what else has a slash is a path of the API, of a stack or of a media type.
OURS: Final = tuple(f"{path.name}/" for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith("."))
# A file that the reader may add.
ADDED: Final = "pms_backend/formats/fr/formats.py"
PATH: Final = re.compile(r"`([\w.-]+(?:/[\w.-]+)+/?)`")


def slug(heading: str) -> str:
    """The anchor that GitHub gives to a heading."""
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    headings = [match[1] for _, line in prose(str(page.relative_to(ROOT))) if (match := HEADING.match(line))]
    return {slug(heading) for heading in headings}


def found(pattern: str) -> Iterator[tuple[str, str]]:
    """What the pages have of this pattern, in their text and in their blocks, with the page."""
    return ((page, match) for page in PAGES for match in re.findall(pattern, (ROOT / page).read_text()))


def test_every_block_is_run_or_read():
    languages = [(block.place, block.language) for page in PAGES for block in blocks_of(page)]

    assert len(languages) > 80
    assert [(place, language) for place, language in languages if language not in (*RUN, *READ)] == []


def test_what_is_not_run_is_there_and_is_not_much():
    lines = {page: [line.lstrip() for block in blocks_of(page) for line in block.text.splitlines()] for page in PAGES}
    stale = [
        (page, beginning)
        for page, commands in NOT_RUN.items()
        for beginning in commands
        if not any(line.startswith(beginning) for line in lines[page])
    ]

    assert stale == []
    assert sum(len(commands) for commands in NOT_RUN.values()) <= MOST_NOT_RUN


def test_every_block_of_json_and_of_settings_can_be_read():
    known = set(re.findall(r"^#?\s*([A-Z][A-Z0-9_]*)=", (ROOT / ".env.example").read_text(), re.MULTILINE))

    for block in (block for page in PAGES for block in blocks_of(page)):
        if block.language == "json":
            json.loads(block.text)
        if block.language == "ini":
            settings = list(parse_stream(io.StringIO(block.text)))
            assert [setting.key for setting in settings if setting.error or setting.key not in {*known, None}] == []


@pytest.mark.parametrize("page", LINKING)
def test_every_link_leads_somewhere(page: str):
    broken = []
    for number, line in prose(page):
        for target in LINK.findall(line):
            path, _, anchor = target.partition("#")
            file = (ROOT / page).parent / path if path else ROOT / page
            if re.match(r"[a-z]+:", target) or target.startswith("/"):
                continue
            if not file.exists() or (anchor and anchor not in anchors(file.resolve())):
                broken.append((number, target))

    assert broken == []


def test_every_target_of_make_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    commands = [(block.place, line) for page in PAGES for block in blocks_of(page) for line in block.text.splitlines()]
    named = [
        *found(r"`(?:[A-Z_]+=\S* )*make ([a-z-]+)"),
        *(
            (place, match[1])
            for place, line in commands
            if (match := re.match(r"(?:[A-Z_]+=\S* )*make ([a-z-]+)", line))
        ),
    ]

    assert len(named) > 10
    assert [(page, target) for page, target in named if target not in targets] == []


def test_every_command_of_manage_py_exists():
    commands = get_commands()
    named = list(found(r"manage\.py ([a-z_]+)"))

    assert len(named) > 10
    assert [(page, command) for page, command in named if command not in commands] == []


def test_every_path_of_the_project_exists():
    missing = [
        (page, path)
        for page, path in found(PATH.pattern)
        if path.startswith(OURS) and path != ADDED and not list(ROOT.glob(f"{path.rstrip('/')}*"))
    ]

    assert missing == []
