"""Which movements change a level, and which one opened it: that one said what was there, and is not pushed."""

from typing import Final

_CHANGES_A_LEVEL: Final = """(
    EXISTS (
        SELECT FROM inventory_stockmovement AS earlier
        WHERE earlier.level_id = {movement}.level_id AND earlier.level_version < coalesce((
                SELECT undone.level_version FROM inventory_stockmovement AS undone
                WHERE undone.id = {movement}.reverses_id), {movement}.level_version))
    OR EXISTS (
        SELECT FROM inventory_stocklevel AS opened
        JOIN pms_integration_pmsstock AS told
            ON told.variant_id = opened.variant_id AND told.location_id = opened.location_id
        JOIN pms_integration_pmslocation AS owned
            ON owned.location_id = told.location_id AND owned.connection_id = told.connection_id AND owned.owns_stock
        WHERE opened.id = {movement}.level_id AND told.connection_id = {connection}
            AND told.created_at <= coalesce((
                SELECT undone.created_at FROM inventory_stockmovement AS undone
                WHERE undone.id = {movement}.reverses_id), {movement}.created_at))
)"""


def changes_a_level(movement: str, connection: str) -> str:
    """The SQL of whether a movement changes a level: it has an earlier one, or the owning PMS had told of it before.

    A figure of 0 opens a level without a movement. A reversal changes it if the reversed movement did: what was not
    pushed is not undone there. `movement` is an alias, `connection` the SQL of the owner's id.
    """
    return _CHANGES_A_LEVEL.format(movement=movement, connection=connection)
