"""The PMS for staff: its connections, what came in, and what it last told us."""

from pms_integration.admin.connections import PMSConnectionAdmin
from pms_integration.admin.events import PMSEventAdmin
from pms_integration.admin.imports import ImportJobAdmin
from pms_integration.admin.reported import PMSProductAdmin, PMSStockAdmin

__all__ = ["ImportJobAdmin", "PMSConnectionAdmin", "PMSEventAdmin", "PMSProductAdmin", "PMSStockAdmin"]
