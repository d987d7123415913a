"""Tables of the admin's pages."""

from typing import Any

import pytest

from pms_backend.api.admin_tables import NUMBER, TEXT, Table


@pytest.mark.parametrize("row", [("Lamp", 5, 7), ("Lamp",)])
def test_a_row_with_more_or_fewer_cells_than_columns_is_refused(row: tuple[Any, ...]):
    # For example if a language calls two columns the same, so that they are one.
    table = Table(columns={"Name": TEXT, "Units": NUMBER}, rows=[row])

    with pytest.raises(ValueError, match="zip"):
        list(table.cells())
