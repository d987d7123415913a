"""docs/operations.md has each metric with its labels, and no other."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from prometheus_client.metrics import MetricWrapperBase

from pms_backend import metrics
from pms_backend.operations import measurements

NAME = re.compile(r"`(pms_[a-z_]+)(?:\{([a-z,]+)\})?`")


def documented() -> dict[str, tuple[str, ...]]:
    """The labels of each metric of the table."""
    text = Path(settings.BASE_DIR, "docs/operations.md").read_text()
    table = text.partition("| metric | look at it when |")[2].partition("\n\n")[0]
    cells = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    return {name: tuple(filter(None, labels.split(","))) for cell in cells for name, labels in NAME.findall(cell)}


@pytest.mark.django_db
def test_each_metric_is_in_the_table_with_its_labels_and_no_other_is():
    counted = {
        one._name + ("_total" if one._type == "counter" else ""): tuple(one._labelnames)
        for one in vars(metrics).values()
        if isinstance(one, MetricWrapperBase)
    }
    measured = {
        family.name + ("_total" if family.type == "counter" else ""): tuple(family._labelnames)
        for family in measurements.REGISTRY.collect()
    }

    assert documented() == counted | measured
