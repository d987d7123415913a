"""Templates that replace those of django-unfold fit the version that is installed."""

import re
from importlib.metadata import version

from tests.architecture.sources import ROOT

COPIED = re.compile(r"\{# Copied from django-unfold (\S+); changed: ")
COPIES = ROOT / "pms_backend" / "templates"


def test_each_copy_is_of_the_installed_version():
    copies = [path for folder in ("admin/*.html", "unfold/**/*.html") for path in COPIES.glob(folder)]

    versions = {path.name: COPIED.findall(path.read_text()) for path in copies}

    assert len(versions) > 5
    # After an upgrade: compare each copy with the new original, apply what was changed, and name the new version.
    assert versions == {name: [version("django-unfold")] for name in versions}
