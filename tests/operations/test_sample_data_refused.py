"""`load_sample_data` in a database with other products, and when something fails."""

import pytest
from django.contrib.auth.models import User

from pms_backend.access.authentication import caller_of_key
from pms_backend.operations.sample_data import loading
from pms_integration.models import PMSConnection
from tests.factories import make_location, make_product
from tests.operations.loading import rows, run


@pytest.mark.django_db
def test_a_catalogue_of_somebody_else_is_left_as_it_is():
    make_product()
    make_location("main")
    User.objects.create_superuser(username="admin", password="theirs")
    before = rows()

    credentials = run()

    assert rows() == {**before, "PMSConnection": 1}
    assert not PMSConnection.objects.get(slug="demo").locations.exists()
    assert credentials["admin"]["username"] == "quickstart"
    assert User.objects.get(username="admin").check_password("theirs")
    assert caller_of_key(credentials["api_key"]) is not None


@pytest.mark.django_db(transaction=True)
def test_a_first_run_that_is_broken_off_leaves_nothing(monkeypatch):
    def fail(**_):
        raise KeyboardInterrupt

    monkeypatch.setattr(loading.inventory, "update_level", fail)

    with pytest.raises(KeyboardInterrupt):
        run()

    assert set(rows().values()) == {0}
    assert not User.objects.exists()
