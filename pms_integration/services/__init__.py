"""The writes of the PMS integration."""

from pms_integration.services.applying import apply_due_events, apply_events
from pms_integration.services.asking import ask_due_refetches
from pms_integration.services.calls import call_pms
from pms_integration.services.category_names import name_categories
from pms_integration.services.connection_settings import (
    create_configured_connection,
    delete_connection,
    update_connection,
)
from pms_integration.services.connections import create_connection, map_location, rotate_secret
from pms_integration.services.drift import look_for_drift
from pms_integration.services.outgoing import check_base_url, set_outgoing
from pms_integration.services.ownership import change_ownership
from pms_integration.services.product_decisions import link_product, resolve_conflict
from pms_integration.services.product_pushes.publishing import publish_products
from pms_integration.services.product_pushes.pushing import push_due_products
from pms_integration.services.product_pushes.requests import push_products_now
from pms_integration.services.questions import ask_for_locations, check_connection
from pms_integration.services.receiving import Receipt, receive_webhook
from pms_integration.services.refused_webhooks import (
    RefusedWebhooks,
    WebhookRefusal,
    commands_to_count,
    count_refused_webhook,
    recently_refused,
    refused_webhooks,
)
from pms_integration.services.retention import prune_event_bodies
from pms_integration.services.retrying import retry_event, retry_events, retry_own_failures, wake_deferred
from pms_integration.services.stock_pushes.pushing import push_due_stock
from pms_integration.services.stock_pushes.requests import request_stock_push
from pms_integration.services.sync.runner import run_syncs
from pms_integration.services.sync.runs import cancel_sync, confirm_sync, prune_differences, start_due_syncs, start_sync
