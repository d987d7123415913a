"""The domain events of the PMS integration."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pms_backend.events.domain_events import DomainEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class PMSConflict(DomainEvent, type="pms.conflict"):
    """A product of the PMS cannot be matched with one of ours, or both sides have changed a field: `detail` says which.

    What is in conflict stays as it is on both sides until somebody decides.
    """

    connection: str
    external_id: str
    detail: str

    @property
    def subject(self) -> str:
        """`pms_product:CONNECTION/EXTERNAL-ID`."""
        return f"pms_product:{self.connection}/{self.external_id}"[:200]


@dataclass(frozen=True, slots=True, kw_only=True)
class PMSUnreachable(DomainEvent, type="pms.unreachable"):
    """The circuit of a connection has opened: its PMS is not called until `next_try_at`, and then once, as a trial.

    `detail` says what failed last, `failures` how many calls in a row. It is announced once, not for each trial.
    """

    connection: str
    detail: str
    failures: int
    next_try_at: Annotated[str, datetime]

    @property
    def subject(self) -> str:
        """`pms_connection:SLUG`."""
        return f"pms_connection:{self.connection}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportFinished(DomainEvent, type="import.finished"):
    """An import of products has come to its end, or has failed. The counts are of products, `processed` of lines.

    With `dry_run` it was a preview: the counts are what an import would do.
    """

    id: int
    dry_run: bool
    status: Literal["finished", "failed"]
    processed: int
    created: int
    updated: int
    unchanged: int
    failed: int
    error: str

    @property
    def subject(self) -> str:
        """`import:ID`."""
        return f"import:{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncEvent(DomainEvent):
    """What is announced of a sync run. The counts are of the entries of the PMS's lists; `total` is what is listed."""

    id: int
    connection: str
    mode: Literal["full", "incremental"]
    resources: list[Literal["products", "stock"]]
    dry_run: bool
    processed: int
    total: int | None
    created: int
    updated: int
    unchanged: int
    failed: int
    archived: int

    @property
    def subject(self) -> str:
        """`sync_run:ID`."""
        return f"sync_run:{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncStarted(SyncEvent, type="sync.started"):
    """A sync run has begun to list what the PMS has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncProgressed(SyncEvent, type="sync.progressed"):
    """A sync run has listed or applied more; announced every few seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncHeld(SyncEvent, type="sync.held"):
    """A sync run would take so much away that somebody has to confirm it. It has written nothing."""

    held_because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncFinished(SyncEvent, type="sync.finished"):
    """A sync run has come to its end, or was cancelled."""

    status: Literal["finished", "cancelled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncFailed(SyncEvent, type="sync.failed"):
    """A sync run was given up. What it has applied stays; `detail` says why."""

    detail: str
