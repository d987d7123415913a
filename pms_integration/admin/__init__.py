"""The admin of PMS connections, received events, reported values, pushes, sync runs and imports."""

from pms_integration.admin.connections import PMSConnectionAdmin
from pms_integration.admin.events import PMSEventAdmin
from pms_integration.admin.imports import ImportJobAdmin
from pms_integration.admin.pms_products import PMSProductAdmin
from pms_integration.admin.product_pushes import PMSProductPushAdmin
from pms_integration.admin.reported import PMSStockAdmin, PMSVariantAdmin
from pms_integration.admin.stock_pushes import PMSStockPushAdmin
from pms_integration.admin.sync_differences import SyncDifferenceAdmin
from pms_integration.admin.sync_runs import SyncRunAdmin
