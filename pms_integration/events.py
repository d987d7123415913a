"""The domain events of the PMS integration."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pms_backend.events.domain_events import DomainEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class PMSConflict(DomainEvent, type="pms.conflict"):
    """A product of the PMS claims what belongs to another product of ours."""

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
    """An import of products has come to its end, or has failed. The counts are of products, `processed` of lines."""

    id: int
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
