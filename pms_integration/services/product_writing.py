"""Writes what is merged of products that a PMS and we have: our products, the links, and requests of pushes.

Lock order: the PMSProducts are locked by the caller; then products, variants, and at last the pushes.
"""

from collections.abc import Sequence
from typing import Any

from pms_backend.access.services import collected
from pms_backend.api.exceptions import DomainError
from pms_backend.events import services as outbox
from pms_integration.events import PMSConflict
from pms_integration.models import PMSConnection, PMSProductPush
from pms_integration.services.linked_products import UNCHANGED, UPDATED, LinkedProduct, conflict_detail
from pms_integration.services.product_fields import Values
from pms_integration.services.product_pushes.recording import request_pushes, takes_products
from pms_integration.services.product_values import values_of_products
from products import services as products
from products.exceptions import PublishRulesFailed
from products.models import Category, Product, ProductStatus
from products.services import ImageList
from products.services.publishing import PUBLISH_RULES


@collected()
def write_linked(pms: PMSConnection, linked: Sequence[LinkedProduct]) -> None:
    """Merges and writes products, without a product in common; the caller stores their rows, unless there is an error.

    Constant in statements.
    """
    if linked:
        _Writer(pms, linked).write()


class _Writer:
    def __init__(self, pms: PMSConnection, linked: Sequence[LinkedProduct]) -> None:
        self._pms = pms
        self._linked = linked

    def write(self) -> None:
        self._merge()
        self._upsert()
        changed = self._replace_images()
        written = [one for one in self._linked if one.error is None]
        ids = {one.row.product_id for one in written if one.change != UNCHANGED or one.row.product_id in changed}
        after = values_of_products({pk for pk in ids if pk is not None})
        self._settle(written, after)
        if takes_products(self._pms):
            request_pushes([one.row.pk for one in written if one.merged.is_pushed and not one.is_deletion])

    def _merge(self) -> None:
        ids = sorted(one.row.product_id for one in self._linked if one.row.product_id is not None)
        # Locked before they are read, so that no edit of ours is lost between.
        list(Product.objects.filter(pk__in=ids).order_by("pk").select_for_update(no_key=True).values_list("pk"))
        ours = values_of_products(ids)
        rows = [one.row.pk for one in self._linked if not one.is_new]
        # A PMS that is not called any more will not answer.
        sent = PMSProductPush.objects.filter(pms_product__in=rows, idempotency_key__isnull=False)
        waiting = {push.pms_product_id: push for push in sent} if takes_products(self._pms) else {}
        for one in self._linked:
            if one.row.product_id is None:
                one.theirs = one.told
            else:
                one.merge(self._pms, ours[one.row.product_id], waiting.get(one.row.pk))

    def _upsert(self) -> None:
        wanted = {one.theirs["category"] for one in self._linked if one.theirs.get("category")}
        categories = set(Category.objects.filter(slug__in=wanted).values_list("slug", flat=True)) if wanted else set()
        inputs = [(one, found) for one in self._linked if (found := one.input(categories))]
        drafts = []
        for one, found, error in self._write(inputs):
            if isinstance(error, PublishRulesFailed):
                # Programs read it too, so it is not in the language of the person who makes this request.
                rules = dict.fromkeys(PUBLISH_RULES[failed.code] for failed in error.errors)
                one.notes.append(f"Kept as a draft: {' '.join(rules)}")
                drafts.append((one, {**found, "status": ProductStatus.DRAFT.value}))
            else:
                one.error = error
        for one, _, error in self._write(drafts):
            one.error = error

    def _write(
        self, inputs: Sequence[tuple[LinkedProduct, dict[str, Any]]]
    ) -> list[tuple[LinkedProduct, dict[str, Any], DomainError | None]]:
        if not inputs:
            return []
        outcomes = products.upsert_products(rows=[(index, found) for index, (_, found) in enumerate(inputs)])
        for outcome in outcomes:
            one, _ = inputs[outcome.index]
            if outcome.error is None:
                one.merged.is_created = one.is_new
                one.row.product_id, one.change = outcome.key["id"], outcome.status
        return [(*inputs[outcome.index], outcome.error) for outcome in sorted(outcomes, key=lambda each: each.index)]

    def _replace_images(self) -> set[int]:
        """Makes the images of our products those of the PMS; returns the products that have changed by it."""
        lists = {
            one.row.product_id: (one, images)
            for one in self._linked
            if one.error is None and one.row.product_id is not None and (images := one.images()) is not None
        }
        changed = products.replace_image_lists(
            lists=[
                ImageList(
                    product_id=product_id,
                    images=images,
                    retries_failed=one.retries_images,
                    request_id=one.request_id,
                )
                for product_id, (one, images) in lists.items()
            ],
            listed_by=f"pms:{self._pms.slug}",
        )
        for product_id, (one, _) in lists.items():
            if product_id in changed.product_ids and one.change == UNCHANGED:
                one.change = UPDATED
            if product_id in changed.left_out:
                one.notes.append(changed.left_out[product_id])
        return changed.product_ids

    def _settle(self, written: Sequence[LinkedProduct], after: dict[int, Values]) -> None:
        conflicts = []
        for one in written:
            if one.row.product_id is not None and one.settle(after.get(one.row.product_id, one.ours)):
                conflicts.append(one)
        if conflicts:
            events = [
                PMSConflict(
                    connection=self._pms.slug, external_id=one.row.external_id or "", detail=conflict_detail(one.row)
                )
                for one in conflicts
            ]
            outbox.record(*events, request_ids=[one.request_id for one in conflicts])
