"""A person who counts at the shelf: what is scanned and entered, as the page would send it."""

import re
from typing import Any

from django.test import Client
from django.urls import reverse

from inventory.models import Stocktake
from tests.staff import said

_HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')


class Shelf:
    """The page of one sheet, used by one person; `said` is what the last answer said."""

    def __init__(self, client: Client, sheet: Stocktake) -> None:
        self.client = client
        self.url = reverse("admin:inventory_stocktake_count", args=[sheet.pk])
        self.answer: Any = client.get(self.url)

    def scan(self, text: str) -> "Shelf":
        """Scans an item at the scan box."""
        self.answer = self.client.get(self.url, {"q": text})
        return self

    def enter(self, number: str, **pressed: str) -> "Shelf":
        """Enters a number for the item that is shown, or presses a button."""
        hidden = dict(_HIDDEN.findall(self.text))
        self.answer = self.client.post(self.url, {**hidden, "number": number, **pressed}, follow=True)
        return self

    @property
    def text(self) -> str:
        """The page."""
        return self.answer.content.decode()

    @property
    def said(self) -> list[str]:
        """Its messages."""
        return said(self.answer)

    @property
    def question(self) -> str | None:
        """What it asks."""
        found = self.answer.context.get("question")
        return found and found.text
