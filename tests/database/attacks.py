"""A statement against each named rule that does not follow from the rule itself."""

LAMP = "(SELECT id FROM products_product WHERE name = 'Lamp' ORDER BY id LIMIT 1)"
OTHER_LEVEL = "(SELECT max(id) FROM inventory_stocklevel)"
RESERVED = "(SELECT sum(reserved) FROM inventory_reservationline)"
COMING = "(SELECT sum(in_transit) FROM inventory_transferline)"
LONG_AGO = "'0001-01-01 00:00:00+01'"
FAR_AHEAD = "'9999-12-31 23:59:59-01'"
# What the upkeep says before it removes old rows.
PRUNING = "SET LOCAL pms.allow_prune = 'on'; "

# Of checks: what is set, in every row of the rule's table.
CHECKS = {
    "access_apiclient_expires_at_in_bounds": [f"expires_at = {LONG_AGO}", f"expires_at = {FAR_AHEAD}"],
    "access_auditentry_door_known": ["door = 'window'", "door = ''"],
    "api_idempotencykey_answer_is_a_success": [
        "status = 199", "status = 300", "status = 404", "status = NULL", "body = NULL",
    ],
    "events_feedhead_is_one_row": ["id = 2"],
    "events_feedhead_begins_before_its_end": ["begins_after = sequence + 1"],
    "events_feedhead_pruned_what_was_published": ["pruned_to = sequence + 1"],
    "events_relayrun_is_one_row": ["id = 2"],
    "inventory_location_has_a_code": ["code = ''"],
    "inventory_movement_changes_something": ["delta = 0"],
    "inventory_movement_deduplicated_by_reference": ["is_deduplicated = true, reference = ''"],
    "inventory_movement_reason_known": ["reason = 'gift'"],
    "inventory_reservation_expires_at_in_bounds": [f"expires_at = {LONG_AGO}", f"expires_at = {FAR_AHEAD}"],
    "inventory_reservation_has_a_reference": ["reference = ''"],
    "inventory_reservation_status_known": ["status = 'lost'"],
    "inventory_reservationline_adds_up": [
        "committed = -1", "reserved = -1", "quantity = 0", "quantity = -1", "reserved = quantity + 1",
        "committed = quantity - reserved + 1",
    ],
    "inventory_stocklevel_count_has_its_moment": ["counted_at = NULL", "counted_on_hand = NULL"],
    "inventory_stocklevel_counted_at_in_bounds": [f"counted_at = {LONG_AGO}", f"counted_at = {FAR_AHEAD}"],
    "inventory_stocklevel_incoming_not_negative": ["incoming = -1"],
    "inventory_stocklevel_limits_not_negative": ["backorder_limit = -1", "reorder_point = -1"],
    "inventory_stocklevel_not_oversold_unawares": ["is_oversold = false, reserved = on_hand + backorder_limit + 1"],
    "inventory_stocklevel_reserved_not_negative": ["reserved = -1"],
    "inventory_stockmovement_reported_at_in_bounds": [f"reported_at = {LONG_AGO}", f"reported_at = {FAR_AHEAD}"],
    "inventory_stockmovement_occurred_at_in_bounds": [f"occurred_at = {LONG_AGO}", f"occurred_at = {FAR_AHEAD}"],
    "inventory_stocktake_closed_when_not_open": ["closed_at = now()", "status = 'posted'"],
    "inventory_stocktake_status_known": ["status = 'lost', closed_at = now()"],
    "inventory_stocktakeline_count_has_its_moment": [
        "counted = 1, counted_at = NULL", "counted = NULL, counted_at = now()", "counted = -1, counted_at = now()",
    ],
    "inventory_stocktakeline_counted_at_in_bounds": [
        f"counted = 1, counted_at = {LONG_AGO}", f"counted = 1, counted_at = {FAR_AHEAD}",
    ],
    "inventory_transfer_goes_somewhere": ["source_id = target_id"],
    "inventory_transfer_moments_fit_its_status": [
        "shipped_at = NULL", "status = 'draft'", "closed_at = now()", "status = 'received'", "status = 'cancelled'",
    ],
    "inventory_transfer_status_known": ["status = 'lost'"],
    "inventory_transferline_adds_up": [
        "in_transit = -1", "received = -1", "lost = -1", "quantity = 0", "received = quantity + 1",
    ],
    "inventory_transferline_comes_to_a_level": ["target_level_id = NULL"],
    "import_job_failed_says_why": ["status = 'failed', error = '', finished_at = now()"],
    "import_job_finished_at_when_it_is": ["finished_at = now()", "status = 'finished'"],
    "import_job_format_known": ["format = 'xlsx'"],
    "import_job_preview_of_no_preview": ["dry_run = true"],
    "import_job_status_known": ["status = 'lost'"],
    "import_result_action_known": ["action = 'lost'"],
    "pms_connection_circuit_known": ["circuit = 'lost', next_try_at = now()"],
    "pms_connection_clock_offset_in_bounds": [
        "clock_offset = interval '25 hours'", "clock_offset = interval '-25 hours'",
    ],
    "pms_connection_owners_known": [f"{group}_owner = 'both'" for group in ("content", "price", "publication")],
    "pms_connection_previous_secret_ends": ["previous_secret = 'x'", "previous_secret_until = now()"],
    "pms_connection_publish_mode_known": ["publish_mode = 'some'"],
    "pms_connection_sync_interval": ["sync_every_seconds = 59"],
    "pms_connection_open_until_a_moment": [
        "circuit = 'open', next_try_at = NULL", "circuit = 'half_open', next_try_at = NULL",
    ],
    "pms_event_due_while_unfinished": ["due_at = NULL", "status = 'processed'"],
    "pms_event_status_known": ["status = 'lost'"],
    "pms_integration_pmsstockpush_acknowledged_at_in_bounds": [
        f"status = 'acknowledged', acknowledged_at = {LONG_AGO}",
        f"status = 'acknowledged', acknowledged_at = {FAR_AHEAD}",
    ],
    "pms_product_is_there_or_here": ["external_id = NULL, product_id = NULL"],
    "pms_product_push_refused_says_why": ["due_at = NULL, error = ''"],
    "pms_product_push_request_with_its_key": [
        "idempotency_key = NULL", "payload = NULL", "idempotency_key = NULL, payload = NULL, sent = '{\"brand\": []}'",
    ],
    "pms_push_acknowledged_with_its_moment": ["acknowledged_at = now()", "status = 'acknowledged'"],
    "pms_push_changes_something": ["delta = 0"],
    "pms_push_rejected_says_why": ["status = 'rejected', error = ''"],
    "pms_push_status_known": ["status = 'lost'"],
    "pms_refetch_resource_known": ["resource = 'weather'"],
    "pms_stock_included_until_a_figure": ["included_until = reported_at + interval '1 second'"],
    "pms_stock_of_a_webhook_or_pulled": ["webhook_id = ''", "pulled_at = now()"],
    "sync_difference_action_known": ["action = 'guess'"],
    "sync_run_door_known": ["door = 'window'", "door = ''"],
    "sync_run_finished_at_when_it_is": ["finished_at = now()", "status = 'finished'"],
    "sync_run_held_says_why": ["status = 'held'"],
    "sync_run_mode_known": ["mode = 'half'"],
    "sync_run_resources_known": ["resources = '{}'", "resources = '{weather}'"],
    "sync_run_stage_known": ["stage = 'lost'"],
    "sync_run_status_known": ["status = 'lost'"],
    "pms_integration_pmsstock_reported_at_in_bounds": [f"reported_at = {LONG_AGO}", f"reported_at = {FAR_AHEAD}"],
    "operations_alert_resolved_after_it_began": ["resolved_at = began_at - interval '1 second'"],
    "operations_alert_severity_known": ["severity = 'lost'", "severity = ''"],
    "operations_metricincrease_amount_positive": ["amount = 0", "amount = -1"],
    "products_category_not_its_own_parent": ["parent_id = id"],
    "products_imagefile_has_a_file": ["file = ''"],
    "products_imagefile_has_pixels": ["width = 0", "height = 0"],
    "products_product_description_not_too_long": ["description = repeat('x', 524289)"],
    "products_product_has_a_name": ["name = ''"],
    "products_product_normal_handle": ["handle = 'Lamp'", "handle = 'a b'", "handle = 'a/b'", "handle = U&'u\\0308'"],
    "products_product_publish_at_in_bounds": [
        f"status = 'draft', publish_at = {LONG_AGO}", f"status = 'draft', publish_at = {FAR_AHEAD}",
    ],
    "products_product_publish_at_of_a_draft": ["status = 'active', published_at = now(), publish_at = now()"],
    "products_product_published_at_when_active": ["status = 'active', published_at = NULL"],
    "products_product_status_known": ["status = 'lost'"],
    "products_product_unpublish_at_in_bounds": [
        f"status = 'active', published_at = now(), unpublish_at = {LONG_AGO}",
        f"status = 'active', published_at = now(), unpublish_at = {FAR_AHEAD}",
    ],
    "products_product_unpublish_at_of_what_is_published": [
        "status = 'draft', publish_at = NULL, unpublish_at = now()",
        "status = 'draft', publish_at = now(), unpublish_at = now()",
    ],
    "products_productimage_has_a_source": ["image_file_id = NULL, source_url = '', status = 'failed'"],
    "products_productimage_ready_with_content": ["status = 'pending'"],
    "products_variant_compare_at_price_not_negative": ["compare_at_price = -1"],
    "products_variant_cost_not_negative": ["cost = -1"],
    "products_variant_currency_is_iso_4217": ["currency = ''", "currency = 'eur'"],
    "products_variant_has_a_sku": ["sku = ''"],
    "products_variant_sku_key_of_ascii": ["sku_key = upper(sku)"],
    "products_variant_price_not_negative": ["price = -1"],
    "webhook_delivery_due_until_settled": ["next_attempt_at = NULL", "status = 'delivered'"],
    "webhook_delivery_status_known": ["status = 'lost'"],
    "webhook_endpoint_disabled_since_a_moment": [
        "is_active = false", "disabled_at = now()", "disabled_reason = 'x'", "resume_after = 1",
        "is_active = false, disabled_at = now()", "is_active = false, resume_after = 1",
    ],
    "webhook_endpoint_gets_something": ["event_types = '{}'"],
    "webhook_endpoint_previous_secret_ends": [
        "previous_secret = 'x', previous_secret_until = NULL", "previous_secret = NULL, previous_secret_until = now()",
    ],
}  # fmt: skip

# Of checks: the one without which theirs is never looked at.
HIDDEN_BY = {
    "import_job_status_known": "import_job_finished_at_when_it_is",
    "inventory_transfer_status_known": "inventory_transfer_moments_fit_its_status",
    "pms_event_status_known": "pms_event_due_while_unfinished",
    "sync_run_status_known": "sync_run_finished_at_when_it_is",
    "webhook_delivery_status_known": "webhook_delivery_due_until_settled",
}

# Of unique keys, where a table has several: what makes a row differ in the others.
OTHERWISE = {
    "access_apikey_pkey": {"prefix": "'other'"},
    "access_apikey_prefix_key": {"id": "'other'"},
    "access_supabaseuser_one_per_subject": {"user_id": "(SELECT max(id) FROM auth_user)"},
    "access_supabaseuser_user_id_key": {"subject": "'other'"},
    "inventory_movement_one_per_version": {"source": "''", "is_deduplicated": "false"},
    "inventory_movement_acts_once": {"level_version": "level_version + 100", "source": "''"},
    "inventory_movement_reversed_once": {
        "level_version": "level_version + 100",
        "source": "''",
        "is_deduplicated": "false",
    },
    "inventory_movement_source_unique": {"level_version": "level_version + 100", "is_deduplicated": "false"},
    "operations_alert_once": {"resolved_at": "began_at"},
    "operations_alert_open_once": {"began_at": "began_at + interval '1 second'"},
    "pms_category_mapped_once": {"external_name": "'other'"},
    "pms_category_name_once": {"category_id": "(SELECT max(id) FROM products_category)"},
    "pms_integration_pmsproductpush_idempotency_key_key": {
        "pms_product_id": "(SELECT max(id) FROM pms_integration_pmsproduct)",
    },
    "pms_integration_pmsproductpush_pms_product_id_key": {"idempotency_key": "gen_random_uuid()"},
    "pms_location_mapped_once": {"external_id": "'elsewhere'", "owns_stock": "false"},
    "pms_location_external_id_unique": {
        "location_id": "(SELECT max(id) FROM inventory_location)",
        "owns_stock": "false",
    },
    "pms_location_one_owner": {
        "external_id": "'elsewhere'",
        "connection_id": "(SELECT max(id) FROM pms_integration_pmsconnection)",
    },
    "pms_integration_pmsstockpush_idempotency_key_key": {"movement_id": "NULL"},
    "pms_push_of_a_movement_once": {"idempotency_key": "gen_random_uuid()"},
    "pms_product_once": {"product_id": "NULL"},
    "pms_product_of_one_product": {"external_id": "'other'"},
    "products_variant_options_distinct": {"sku_key": "'other'", "sku": "'other'"},
    "products_variant_sku_key_unique": {"options": "'{}'"},
}

# Of triggers: statements, each of them refused under the name that follows.
TRIGGERS = {
    "access_auditentry_append_only": [
        ("UPDATE access_auditentry SET actor = 'user:somebody'", "access_auditentry_append_only"),
        ("DELETE FROM access_auditentry", "access_auditentry_append_only"),
        (f"{PRUNING}UPDATE access_auditentry SET actor = 'user:somebody'", "access_auditentry_append_only"),
        (
            f"{PRUNING}DELETE FROM access_auditentry WHERE occurred_at > now() - interval '1 day'",
            "access_auditentry_append_only",
        ),
    ],
    "access_auditentry_no_truncate": [
        (f"{permission}TRUNCATE access_auditentry", "access_auditentry_append_only")
        for permission in ("SET LOCAL pms.allow_truncate = 'off'; ", f"{PRUNING}SET LOCAL pms.allow_truncate = 'off'; ")
    ],
    "inventory_location_closes_when_empty": [
        ("UPDATE inventory_location SET is_active = false", "inventory_stocklevel_location_active"),
    ],
    "inventory_reservation_holds_while_active": [
        (f"UPDATE inventory_reservation SET status = '{status}'", "inventory_reservation_holds_while_active")
        for status in ("committed", "released", "expired")
    ],
    "inventory_reservationline_explains": [
        (f"UPDATE inventory_reservationline SET level_id = {OTHER_LEVEL}", "inventory_stocklevel_reserved_explained"),
        (
            f"UPDATE inventory_stocklevel SET reserved = {RESERVED}, is_oversold = true WHERE id = {OTHER_LEVEL}; "
            f"UPDATE inventory_reservationline SET level_id = {OTHER_LEVEL}",
            "inventory_stocklevel_reserved_explained",
        ),
        ("UPDATE inventory_reservationline SET reserved = 0", "inventory_stocklevel_reserved_explained"),
        ("DELETE FROM inventory_reservationline", "inventory_stocklevel_reserved_explained"),
        (
            "UPDATE inventory_reservationline SET reservation_id = (SELECT max(id) FROM inventory_reservation)",
            "inventory_reservation_holds_while_active",
        ),
    ],
    "inventory_transfer_brings_while_in_transit": [
        (
            "UPDATE inventory_transfer SET status = 'received', closed_at = now() WHERE status = 'in_transit'",
            "inventory_transfer_brings_while_in_transit",
        ),
        (
            "UPDATE inventory_transfer SET status = 'draft', shipped_at = NULL",
            "inventory_transfer_brings_while_in_transit",
        ),
    ],
    "inventory_transferline_explains": [
        (
            f"UPDATE inventory_transferline SET target_level_id = {OTHER_LEVEL} WHERE in_transit > 0",
            "inventory_stocklevel_incoming_explained",
        ),
        (
            f"UPDATE inventory_stocklevel SET incoming = {COMING} WHERE id = {OTHER_LEVEL}; "
            f"UPDATE inventory_transferline SET target_level_id = {OTHER_LEVEL} WHERE in_transit > 0",
            "inventory_stocklevel_incoming_explained",
        ),
        ("UPDATE inventory_transferline SET in_transit = 0", "inventory_stocklevel_incoming_explained"),
        ("DELETE FROM inventory_transferline", "inventory_stocklevel_incoming_explained"),
        (
            "UPDATE inventory_transferline SET transfer_id = (SELECT max(id) FROM inventory_transfer)",
            "inventory_transfer_brings_while_in_transit",
        ),
    ],
    "inventory_stocklevel_explained_by_ledger_insert": [
        (
            "INSERT INTO inventory_stocklevel (variant_id, location_id, on_hand) SELECT "
            "(SELECT max(id) FROM products_variant), (SELECT max(id) FROM inventory_location), 1",
            "inventory_stocklevel_explained_by_ledger",
        ),
    ],
    "inventory_stocklevel_explained_by_ledger_update": [
        ("UPDATE inventory_stocklevel SET on_hand = on_hand + 1", "inventory_stocklevel_explained_by_ledger"),
    ],
    "inventory_stocklevel_promises_insert": [
        (
            f"INSERT INTO inventory_stocklevel (variant_id, location_id, {what}) SELECT "
            "(SELECT max(id) FROM products_variant), (SELECT max(id) FROM inventory_location), 1, true",
            name,
        )
        for what, name in (
            ("reserved, is_oversold", "inventory_stocklevel_reserved_explained"),
            ("incoming, is_oversold", "inventory_stocklevel_incoming_explained"),
        )
    ],
    "inventory_stocklevel_promises_update": [
        ("UPDATE inventory_stocklevel SET reserved = reserved + 1", "inventory_stocklevel_reserved_explained"),
        ("UPDATE inventory_stocklevel SET incoming = incoming + 1", "inventory_stocklevel_incoming_explained"),
    ],
    "inventory_stocklevel_stays": [
        (f"UPDATE inventory_stocklevel SET {column} = {column} + 1000", "inventory_stocklevel_stays")
        for column in ("id", "variant_id", "location_id")
    ],
    "inventory_stocklevel_stays_undeleted": [
        (
            "CREATE TEMPORARY TABLE deleted ON COMMIT DROP AS SELECT * FROM inventory_stocklevel; "
            "DELETE FROM inventory_stocklevel; "
            "INSERT INTO inventory_stocklevel (id, variant_id, location_id) OVERRIDING SYSTEM VALUE "
            "SELECT id, variant_id, location_id FROM deleted",
            "inventory_stocklevel_stays",
        ),
    ],
    "inventory_stockmovement_append_only": [
        ("UPDATE inventory_stockmovement SET note = ''", "inventory_stockmovement_append_only"),
        ("DELETE FROM inventory_stockmovement", "inventory_stockmovement_append_only"),
    ],
    "inventory_stockmovement_no_truncate": [
        (
            "SET LOCAL pms.allow_truncate = 'off'; TRUNCATE inventory_stockmovement CASCADE",
            "inventory_stockmovement_append_only",
        ),
    ],
    "inventory_stockmovement_chain": [
        (
            "INSERT INTO inventory_stockmovement (level_id, level_version, reason, delta, on_hand_after, note, "
            f"reference, actor, request_id, source) SELECT level_id, level_version + 100, reason, 5, {after}, '', '', "
            "'', '', '' FROM inventory_stockmovement ORDER BY id DESC LIMIT 1",
            name,
        )
        for after, name in (
            ("on_hand_after", "inventory_stockmovement_chain"),
            ("on_hand_after + 5", "inventory_stocklevel_explained_by_ledger"),
        )
    ],
    "inventory_stockmovement_reverses_its_opposite": [
        (
            "INSERT INTO inventory_stockmovement (level_id, level_version, reason, delta, on_hand_after, note, "
            f"reference, actor, request_id, source, reverses_id) SELECT {level}, level_version + 100, 'correction', "
            f"{delta}, on_hand_after, '', '', '', '', '', id FROM inventory_stockmovement ORDER BY id DESC LIMIT 1",
            "inventory_stockmovement_reverses_its_opposite",
        )
        for level, delta in (
            ("level_id", "delta"),
            ("level_id", "-2 * delta"),
            ("(SELECT min(id) FROM inventory_stocklevel)", "-delta"),
        )
    ],
    "products_category_no_cycle": [
        (
            "UPDATE products_category SET parent_id = (SELECT max(id) FROM products_category) WHERE parent_id IS NULL "
            "AND id < (SELECT max(id) FROM products_category)",
            "products_category_no_cycle",
        ),
    ],
    "products_product_has_a_variant_insert": [
        (
            "INSERT INTO products_product (handle, name, description, brand, status, tags, attributes, options, "
            "version) VALUES ('none', 'None', '', '', 'draft', '{}', '{}', '[]', 1)",
            "products_product_has_a_variant",
        ),
    ],
    "products_product_has_a_variant_update": [
        (
            "UPDATE products_product SET status = 'archived'; UPDATE products_variant SET is_archived = true; "
            "SET CONSTRAINTS ALL IMMEDIATE; UPDATE products_product SET status = 'draft'",
            "products_product_has_a_variant",
        ),
    ],
    "products_product_has_a_variant_archived": [
        ("UPDATE products_variant SET is_archived = true", "products_product_has_a_variant"),
        (
            f"UPDATE products_variant SET product_id = {LAMP}, options = '{{}}' WHERE product_id <> {LAMP}",
            "products_product_has_a_variant",
        ),
    ],
    "products_product_has_a_variant_deleted": [
        (
            "DELETE FROM products_variant WHERE id NOT IN (SELECT variant_id FROM inventory_stocklevel)",
            "products_product_has_a_variant",
        ),
    ],
}
