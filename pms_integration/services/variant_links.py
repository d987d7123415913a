"""Stores which variant of ours each id of a PMS means."""

import json
from collections.abc import Sequence
from typing import Final

from django.db import connection

from pms_backend.api.arrays import as_array
from pms_integration.models import PMSConnection
from pms_integration.services.valid_reports import ExternalProduct

_LINK: Final = """
INSERT INTO pms_integration_pmsvariant AS known (connection_id, external_id, other_ids, variant_id)
SELECT %s, link.external_id, ARRAY(SELECT jsonb_array_elements_text(link.other_ids)), variant.id
FROM unnest(%s::text[], %s::text[], %s::jsonb[]) AS link(sku_key, external_id, other_ids)
JOIN products_variant AS variant ON variant.sku_key = link.sku_key
ORDER BY link.external_id
ON CONFLICT (connection_id, external_id) DO UPDATE
SET other_ids = excluded.other_ids, variant_id = excluded.variant_id
WHERE (known.other_ids, known.variant_id) IS DISTINCT FROM (excluded.other_ids, excluded.variant_id)
"""


def link_variants(pms: PMSConnection, reports: Sequence[ExternalProduct]) -> None:
    """Links the ids in the reports to the variants with their SKUs; one that is linked to another variant moves."""
    links = {
        ids[0]: (key, ids[0], json.dumps(ids[1:])) for report in reports for key, ids in report.variant_ids.items()
    }
    if links:
        with connection.cursor() as cursor:
            cursor.execute(_LINK, [pms.pk, *(as_array(column) for column in zip(*links.values(), strict=True))])
