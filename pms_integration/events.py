"""What the PMS integration announces."""

from dataclasses import dataclass
from typing import Any, ClassVar

from pms_backend.events.facts import Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class PMSConflict(Fact):
    """A product of the PMS claims what belongs to another product of ours."""

    type: ClassVar[str] = "pms.conflict"
    connection: str
    external_id: str
    detail: str

    @property
    def subject(self) -> str:
        """`pms_product:CONNECTION/EXTERNAL-ID`."""
        return f"pms_product:{self.connection}/{self.external_id}"[:200]

    def data(self) -> dict[str, Any]:
        """`{"connection", "external_id", "detail"}`."""
        return {"connection": self.connection, "external_id": self.external_id, "detail": self.detail}
