"""How pages in German write moments and numbers: as everybody there writes them, moments with their zone."""

DATE_FORMAT = SHORT_DATE_FORMAT = "d.m.Y"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "d.m.Y H:i T"
YEAR_MONTH_FORMAT = "m.Y"
MONTH_DAY_FORMAT = "d.m."
DECIMAL_SEPARATOR = ","
THOUSAND_SEPARATOR = "."
