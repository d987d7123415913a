"""What people see: a live view on a terminal, a line now and then elsewhere, and the result."""

import time
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from pms_backend.standalone.demo.pms import Tally
from pms_backend.standalone.demo.verification import Findings
from pms_backend.standalone.demo.watching import SHOWN, StockView

LINE_SECONDS = 2.0


class Screen(Protocol):
    """Shows the day while it happens."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def show(self, tally: Tally, view: StockView) -> None:
        """The state of things; called several times a second."""


def screen_for(console: Console, total: int) -> Screen:
    """A live view where there is somebody to see it."""
    return LiveScreen(console, total) if console.is_terminal else PlainScreen(console, total)


class LiveScreen:
    """A progress bar above the figures that changed last."""

    def __init__(self, console: Console, total: int) -> None:
        self._progress = Progress(
            TextColumn("Webhooks"), BarColumn(None), MofNCompleteColumn(), TimeElapsedColumn(), console=console
        )
        self._task = self._progress.add_task("sent", total=total)
        self._live = Live(console=console, refresh_per_second=10)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, tally: Tally, view: StockView) -> None:
        """Draws it anew."""
        self._progress.update(self._task, completed=tally.sent)
        self._live.update(Group(self._progress, _last_changed(view)))


class PlainScreen:
    """A line every two seconds."""

    def __init__(self, console: Console, total: int) -> None:
        self._console = console
        self._total = total
        self._next_at = time.monotonic() + LINE_SECONDS

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    def show(self, tally: Tally, view: StockView) -> None:
        """Prints a line when it is time."""
        if time.monotonic() < self._next_at:
            return
        self._next_at = time.monotonic() + LINE_SECONDS
        last = next(reversed(view.recent.values()), None)
        figure = f"; last {last.sku}: {last.on_hand}" if last else ""
        self._console.print(f"{tally.sent} of {self._total} webhooks sent, {view.pushed} changes pushed{figure}")


def _last_changed(view: StockView) -> Table:
    table = Table("SKU", "Location", title=f"{view.pushed} changes pushed over the socket", expand=True)
    table.add_column("On hand", justify="right")
    table.add_column("Change", justify="right")
    for seen in reversed(view.recent.values()):
        colour = "green" if seen.delta > 0 else "red"
        table.add_row(seen.sku, seen.location, str(seen.on_hand), f"[{colour}]{seen.delta:+}[/]")
    for _ in range(SHOWN - len(view.recent)):
        table.add_row("", "", "", "")
    return table


def show_result(console: Console, tally: Tally, waits: int, view: StockView, findings: Findings) -> None:
    """The result as a table, and a line that says whether all is well."""
    table = Table("The day")
    table.add_column("Count", justify="right")
    ignored = sum(findings.outcomes.values()) - findings.outcomes["applied"]
    rows = {
        "sent": tally.sent,
        "duplicates, in effect once": tally.duplicates,
        "applied": findings.outcomes["applied"],
        "ignored": ignored,
        **{f"  {reason}": number for reason, number in sorted(findings.outcomes.items()) if reason != "applied"},
        "changes pushed over the socket": view.pushed,
        "  connections of the socket": view.connections,
        "requests told to wait": waits,
        "SKUs checked": findings.checked,
        "  of them changed by others, too": findings.skipped,
    }
    for name, number in rows.items():
        table.add_row(name, str(number))
    console.print(table)
    for difference in findings.differences:
        console.print(f"[red]differs[/] {difference}", highlight=False)
    if findings.differences:
        console.print(f"[bold red]FAILED[/]: {len(findings.differences)} differences")
    else:
        console.print("[bold green]OK[/]: the API, the ledger, the socket and the PMS agree about every figure")
