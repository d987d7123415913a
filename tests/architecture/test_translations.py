"""Every text of the pages is translated into every language, with the placeholders of the original."""

import gettext
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from django.conf import settings

from tests.architecture.sources import ROOT

PACKAGES: Final = ("pms_backend", "products", "inventory", "pms_integration", "webhooks")
LANGUAGES: Final = [code for code, _ in settings.LANGUAGES if code != settings.LANGUAGE_CODE]
# The one without a text is the head.
EMPTY: Final = re.compile(r'^msgstr(?:\[\d\])? ""\n(?!")', re.MULTILINE)


def catalogue(language: str, root: Path = ROOT) -> Path:
    return root / "pms_backend" / "locale" / language / "LC_MESSAGES" / "django.po"


@pytest.fixture
def _gettext() -> None:
    """GNU gettext; the tests are left out where there is none."""
    if shutil.which("msgfmt") and shutil.which("xgettext"):
        return
    reason = "There is no GNU gettext: translations are not tested (REQUIRE_GETTEXT=1 makes this an error)."
    if os.environ.get("REQUIRE_GETTEXT") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.mark.usefixtures("_gettext")
def test_the_catalogues_have_the_texts_of_the_sources_and_no_others(tmp_path: Path):
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "static"))
    shutil.copy(ROOT / "manage.py", tmp_path)

    subprocess.run(
        [sys.executable, "manage.py", "makemessages"], cwd=tmp_path, env=os.environ, check=True, capture_output=True
    )

    for language in LANGUAGES:
        collected, known = (catalogue(language, root).read_text() for root in (tmp_path, ROOT))
        # If they differ: `make messages`, then translate what is new.
        assert collected == known


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated(language: str):
    text = catalogue(language).read_text()

    assert len(re.findall("^msgid ", text, re.MULTILINE)) > 500
    assert "#, fuzzy" not in text
    assert EMPTY.findall(text) == []


@pytest.mark.usefixtures("_gettext")
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_catalogue_is_that_of_the_texts_whose_placeholders_fit(language: str, tmp_path: Path):
    compiled = tmp_path / "django.mo"

    result = subprocess.run(
        ["msgfmt", "--check-format", "--output-file", compiled, catalogue(language)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (result.returncode, result.stderr) == (0, "")
    assert _texts(compiled) == _texts(catalogue(language).with_suffix(".mo"))


def _texts(compiled: Path) -> object:
    with compiled.open("rb") as file:
        return vars(gettext.GNUTranslations(file))["_catalog"]
