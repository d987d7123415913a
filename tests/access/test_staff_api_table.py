"""Every endpoint for every role of the staff, by session and by token.

What an endpoint asks for is said by `TABLE` of `test_access_table`, where one that is not in it fails.
"""

import pytest

from pms_backend.access.scopes import ALL_SCOPES
from pms_backend.access.tokens.services import issue_tokens
from tests.access.roles import EACH_ROLE, ROLES, Role, user_with
from tests.access.test_access_table import GUARDED, answers, wanted
from tests.conftest import JSONClient
from tests.staff import grant

# By which one might think that an endpoint opens; each is a part of what its scope takes.
SINGLE = (
    *("products.view_product", "products.change_product", "pms_integration.add_importjob"),
    *("inventory.view_stocklevel", "inventory.change_stocklevel", "inventory.change_reservation"),
    *("pms_integration.view_pmsevent", "pms_integration.change_pmsevent", "events.view_event"),
    *("access.add_apiclient", "access.change_apiclient", "access.view_auditentry", "auth.change_user"),
)

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", EACH_ROLE)
def test_a_role_is_let_in_to_what_its_permissions_are_worth(name: str):
    role = ROLES[name]
    user, session = user_with(role), JSONClient()
    session.force_login(user)
    by_scope = wanted(lambda row: row.scope in role.scopes)

    assert answers(GUARDED, session) == by_scope
    assert answers(GUARDED, Authorization=f"Bearer {issue_tokens(user=user).access}") == by_scope


@pytest.mark.parametrize("step", [4, pytest.param(1, marks=pytest.mark.slow)], ids=["some", "each"])
def test_one_permission_alone_opens_nothing(step: int):
    user, session = user_with(Role()), JSONClient()
    session.force_login(user)
    nothing = wanted(lambda _: False)

    for permission in SINGLE[::step]:
        grant(user, permission)
        assert answers(GUARDED, session) == nothing, permission


def test_the_roles_try_every_scope_with_and_without():
    assert {scope for role in ROLES.values() for scope in role.scopes} == set(ALL_SCOPES)
    assert not ROLES["without permissions"].held()
    assert len(ROLES["viewer of everything"].held()) > 30
