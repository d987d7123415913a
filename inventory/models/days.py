"""The stock at the end of each day."""

from django.db import models

VALUE_DIGITS = 30
VALUE_DECIMALS = 2


class StockDay(models.Model):
    """The stock of all levels at the end of a day of TIME_ZONE, and how many movements were written on it.

    `value` is that of the variants with a cost in DEFAULT_CURRENCY, at their costs when the day was recorded.
    """

    day = models.DateField(primary_key=True)
    movements = models.PositiveBigIntegerField()
    units = models.BigIntegerField()
    value = models.DecimalField(max_digits=VALUE_DIGITS, decimal_places=VALUE_DECIMALS)

    class Meta:
        ordering = ("day",)

    def __str__(self) -> str:
        return self.day.isoformat()
