"""The models of the PMS integration."""

from pms_integration.models.connections import (
    FIELD_GROUPS,
    MAX_BASE_URL_LENGTH,
    MAX_CLOCK_OFFSET,
    MAX_EXTERNAL_ID_LENGTH,
    MAX_REASON_LENGTH,
    STANDARD,
    FieldGroupOwner,
    PMSCategory,
    PMSConnection,
    PMSLocation,
    PublishMode,
    StockOwner,
)
from pms_integration.models.events import MAX_TYPE_LENGTH, PMSEvent, PMSEventStatus
from pms_integration.models.imports import (
    MAX_CODE_LENGTH,
    MAX_COLUMN_LENGTH,
    MAX_DETAIL_LENGTH,
    ImportAction,
    ImportFormat,
    ImportJob,
    ImportProblem,
    ImportResult,
    ImportStatus,
    PreviewedName,
)
from pms_integration.models.product_pushes import PMSProductPush
from pms_integration.models.reported import PMSProduct, PMSProductState, PMSRefetch, PMSStock, PMSVariant
from pms_integration.models.stock_pushes import PMSStockPush, StockPushStatus
from pms_integration.models.sync_runs import (
    ACTIVE_STATUSES,
    SyncAction,
    SyncDifference,
    SyncMode,
    SyncReport,
    SyncResource,
    SyncRun,
    SyncStage,
    SyncStatus,
)
