"""docs/frontend.md: its code compiles in strict mode against the types of a running stack, and does what it says."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from tests.flows.stack import ROOT, Stack
from tests.products.pictures import picture

EXAMPLES: Final = ROOT / "docs/examples"
SOURCES: Final = EXAMPLES / "frontend"
GUIDE: Final = ROOT / "docs/frontend.md"
SECONDS: Final = 120


def lines_of(text: str) -> str:
    """The text without its indentation, line by line."""
    return "".join(f"{line.strip()}\n" for line in text.strip().splitlines())


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE.read_text(), re.DOTALL | re.MULTILINE)


def test_the_guide_quotes_its_code_verbatim():
    sources = [f"\n{lines_of(path.read_text())}" for path in SOURCES.glob("*.ts")]

    assert len(blocks("ts")) > 5
    assert [block for block in blocks("ts") if not any(f"\n{lines_of(block)}" in source for source in sources)] == []


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the example, which finds the installed packages."""
    if shutil.which("node") is None or not (EXAMPLES / "node_modules/openapi-typescript").exists():
        reason = (
            "There is no node, or `npm ci --prefix docs/examples` was not run: the frontend's example is left out "
            "(REQUIRE_NODE=1 makes this an error)."
        )
        if os.environ.get("REQUIRE_NODE") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    for path in (*SOURCES.glob("*.ts"), SOURCES / "tsconfig.json", EXAMPLES / "package.json"):
        if not path.name.endswith(".d.ts"):
            shutil.copy(path, tmp_path)
    (tmp_path / "node_modules").symlink_to(EXAMPLES / "node_modules")
    return tmp_path


def run(*command: str | Path, cwd: Path) -> str:
    """What it prints; it must succeed."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.stack
def test_the_example_compiles_against_the_stack_s_types_and_runs_against_it(stack: Stack, project: Path) -> None:
    generate = re.search(r"^npx (openapi-typescript .*)$", "".join(blocks("sh")), re.MULTILINE)
    assert generate is not None
    command = generate[1].replace("http://127.0.0.1:8000", stack.quickstart["base_url"]).replace('"', "").split()
    photo = project / "bowl.png"
    photo.write_bytes(picture("PNG", (40, 20)))

    run(project / "node_modules/.bin" / command[0], *command[1:], cwd=project)
    run(project / "node_modules/.bin/tsc", "-p", ".", cwd=project)
    printed = run("node", "dist/main.js", stack.data_dir / "quickstart.json", photo, cwd=project)

    assert json.loads(printed) == EXPECTED


EXPECTED: Final[dict[str, Any]] = {
    "isRepeated": True,
    "refused": ["validation_failed", "A valid number is required."],
    "away": "Error: The server has answered 502.",
    "listed": ["BOWL", "BOWL-1", "BOWL-2"],
    # The first try to save, on a version that was changed meanwhile; then the change of the other, and ours.
    "conflict": None,
    "saved": ["Big bowl", " and sons"],
    "price": ["api", "15.00", "12.00"],
    "image": [40, 20, "A bowl"],
    "previewed": ["create CUP"],
    "imported": ["finished", 1],
    # What was on hand, before and after the connection was lost.
    "seen": [0, 5, 7],
    # One is refused, one is lost, the third is closed in the end; the fourth asks for too much.
    "sockets": 4,
    "refusedCode": "too_many_skus",
}
