"""The pages of the documentation, and their fenced blocks."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
# In the order in which the README lists them, but for the API guide: it makes what other pages must not need.
PAGES: Final = (
    "README.md", "CONTRIBUTING.md",
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md") if path.name != "api-guide.md"),
    "docs/api-guide.md",
)  # fmt: skip
# What is run, and what is read only: an answer of the block before it, a schema, an extract of a file, a drawing.
RUN: Final = ("sh", "python", "js")
READ: Final = ("json", "ts", "promql", "sql", "yaml", "ini", "text", "mermaid")
# By page, commands that are not run, with the reason: by their beginning, or by the comment that begins their block.
NOT_RUN: Final = {
    "README.md": {
        "make test": "the tests themselves",
    },
    "CONTRIBUTING.md": {
        "make run": "the README's",
        "make test": "the tests themselves",
        "make bench": "a quarter of an hour of all processors; tests/benchmarks/test_command.py runs it",
        "make screenshots": "minutes of a browser",
        "make audit": "asks the network; .ci/run does it",
        "make requirements": "asks the network, for all packages",
    },
    "docs/frontend.md": {
        "npm install": "asks the network; tests/flows/test_frontend_example.py runs it with installed packages",
        "npx openapi-typescript": "the same",
    },
    "docs/operations.md": {
        "docker run": "needs docker",
        "export DATABASE_URL=postgresql://pms:PASSWORD@elsewhere": "another server; tests/flows/test_backup.py has one",
        "pg_restore": "the same",
        ".venv/bin/python manage.py migrate": "the same",
        ".venv/bin/python manage.py continue_after_restore": "the same",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "a second stack, for what docker would run",
    },
    "docs/supabase.md": {
        "docker compose": "needs docker",
        "curl -si -X OPTIONS": "needs a project of Supabase",
        'curl "https://abcdefgh.supabase.co': "needs a project of Supabase",
    },
    "docs/api-guide.md": {
        "# whose values hold": "needs a conflict; tests/api/test_examples.py sends both bodies",
    },
    "docs/realtime.md": {
        "import { watchStock }": "a browser's; tests/browser/test_stock_table.py runs the client",
    },
}
FENCE: Final = re.compile(
    r"^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<text>.*?)^(?P=indent)```$", re.DOTALL | re.MULTILINE
)

# A line, with those that continue it.
COMMAND: Final = re.compile(r"(?:.*\\\n)*.*\n")
ANSWER: Final = re.compile(r"\n\n```json\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    page: str
    line: int  # that of its first line of text
    language: str
    text: str
    after: str  # what the page says up to the next block that is run
    answer: str = ""  # JSON that follows at once

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def is_run(self) -> bool:
        return self.language in RUN and bool(self.runnable.strip())

    @property
    def runnable(self) -> str:
        """The text without the lines that are not run."""
        beginnings = tuple(NOT_RUN.get(self.page, {})) or ("\0",)
        if (self.language != "sh" or self.text.startswith("#")) and self.text.startswith(beginnings):
            return ""
        return "".join(command for command in COMMAND.findall(self.text) if not command.lstrip().startswith(beginnings))


def blocks_of(page: str) -> list[Block]:
    """The fenced blocks of a page, in their order."""
    content = (ROOT / page).read_text()
    found = list(FENCE.finditer(content))
    runs = [match.start() for match in found if match["info"].strip() in RUN]
    blocks = []
    for match in found:
        until = min((start for start in runs if start > match.start()), default=len(content))
        line = content[: match.start("text")].count("\n") + 1
        after = content[match.end() : until]
        answer = ANSWER.match(after)
        blocks.append(Block(page, line, match["info"].strip(), match["text"], after, answer[1] if answer else ""))
    return blocks


def prose(page: str) -> Iterator[tuple[int, str]]:
    """The lines of a page outside of its blocks, with their numbers."""
    in_block = False
    for number, line in enumerate((ROOT / page).read_text().splitlines(), start=1):
        if line.lstrip().startswith("```"):
            in_block = not in_block
        elif not in_block:
            yield number, line
