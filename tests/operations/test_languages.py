"""Pages are in the language that the person chose, or the browser asks for; programs are answered in English."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.translation import get_language

from tests.conftest import JSONClient
from tests.factories import make_location, make_product, set_stock
from tests.staff import superuser

GERMAN = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.8"}
LOGIN, LANGUAGE = "/admin/login/", "/admin/language/"
pytestmark = pytest.mark.django_db


def shown(page: Any) -> tuple[str, bool]:
    """The language that the page claims, and whether its button to log in is German."""
    text = page.content.decode()
    return text.partition('<html lang="')[2][:2], "Anmelden" in text


def test_a_page_is_in_the_language_of_the_browser_and_in_english_for_others():
    german, english, other = (
        Client().get(LOGIN, headers=headers) for headers in (GERMAN, {}, {"Accept-Language": "fr,ja;q=0.9"})
    )

    assert [shown(page) for page in (german, english, other)] == [("de", True), ("en", False), ("en", False)]
    assert german["Content-Language"] == "de"
    assert "Accept-Language" in german["Vary"]
    assert shown(Client().get("/", headers=GERMAN))[0] == "de"


def test_the_language_that_a_person_chose_holds_whatever_the_browser_asks_for():
    client = Client()

    answer = client.post(LANGUAGE, {"language": "en"}, headers={"Referer": f"http://testserver{LOGIN}"})

    assert (answer.status_code, answer["Location"]) == (302, f"http://testserver{LOGIN}")
    cookie = client.cookies["django_language"]
    assert (cookie.value, cookie["httponly"], cookie["samesite"]) == ("en", True, "Lax")
    assert shown(client.get(LOGIN, headers=GERMAN)) == ("en", False)


def test_a_language_is_offered_before_and_after_the_login():
    before = Client().get(LOGIN).content.decode()
    after = superuser().get(reverse("admin:index")).content.decode()

    for page in (before, after):
        assert page.count(f'<form action="{LANGUAGE}"') == 2
        assert "Deutsch" in page


def test_choosing_a_language_takes_a_token_and_leads_to_no_other_site():
    forged = Client(enforce_csrf_checks=True).post(LANGUAGE, {"language": "de"})
    away = Client().post(LANGUAGE, {"language": "de", "next": "https://evil.example/"})

    assert (forged.status_code, forged.cookies) == (403, {})
    assert (away.status_code, away["Location"]) == (302, "/")


def test_german_numbers_and_moments():
    make_location("main")
    make_product("A-1")
    set_stock("A-1", "main", 12_345)
    client = superuser()
    levels, movements = (reverse(f"admin:inventory_{name}_changelist") for name in ("stocklevel", "stockmovement"))

    english, german = (
        [client.get(page, headers=headers).content.decode() for page in (levels, movements)] for headers in ({}, GERMAN)
    )

    assert ("12,345" in english[0], "12.345" in german[0]) == (True, True)
    assert "12,345" not in german[0]
    assert [bool(re.search(r"\b20\d\d-\d\d-\d\d \d\d:\d\d UTC", page[1])) for page in (english, german)] == [
        True,
        False,
    ]
    assert re.search(r"\b\d\d\.\d\d\.20\d\d \d\d:\d\d UTC", german[1])


def test_programs_are_answered_in_english_after_a_german_page_too(api: JSONClient):
    german = superuser()
    german.get(LOGIN, headers=GERMAN)

    refused = api.post("/api/v1/inventory/locations/", {}, headers=GERMAN)
    missing = api.get("/api/v1/inventory/locations/none/", headers=GERMAN)
    with_a_session = german.get("/api/v1/products/", {"ordering": "?"}, headers=GERMAN)
    alive = Client().get("/health/live", headers=GERMAN)

    assert get_language() == "en"
    assert refused.json()["errors"][0]["detail"] == "This field is required."
    assert missing.json()["detail"] == "There is nothing here by that name."
    for answer in (refused, missing, with_a_session, alive):
        assert "Accept-Language" not in answer.get("Vary", "")
        assert "Content-Language" not in answer
