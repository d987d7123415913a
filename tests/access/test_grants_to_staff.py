"""Nobody gives a user or a group what they do not have, and nobody takes over an account that has more."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from pms_backend.access.models import AuditEntry
from pms_backend.operations.roles import ROLES
from tests.staff import PASSWORD, grant, logged_in, permissions_named

ADMINISTERS = [f"auth.{verb}_{model}" for verb in ("view", "add", "change", "delete") for model in ("user", "group")]
OWN = (*ADMINISTERS, "inventory.view_stocklevel")
LACKED = "inventory.change_stocklevel"
NEW_PASSWORD = {"password1": "another-horse-battery", "password2": "another-horse-battery", "usable_password": "true"}
USERS, GROUPS = "/admin/auth/user/", "/admin/auth/group/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def administrator() -> Client:
    """A member of staff who administers users and groups and, also by a group, may view levels."""
    grant(make_user("adam"), *OWN)
    User.objects.get(username="adam").groups.add(make_group("viewers", "inventory.view_stocklevel"))
    return logged_in("adam")


def make_user(name: str, *permissions: str, **flags: bool) -> User:
    return grant(User.objects.create_user(name, f"{name}@example.com", PASSWORD, is_staff=True, **flags), *permissions)


def make_group(name: str, *permissions: str) -> Group:
    group = Group.objects.create(name=name)
    group.permissions.set(permissions_named(*permissions))
    return group


def page(row: User | Group, name: str = "change") -> str:
    return f"{USERS if isinstance(row, User) else GROUPS}{row.pk}/{name}/"


def pks(*permissions: str) -> list[int]:
    return [permission.pk for permission in permissions_named(*permissions)]


def form_of_user(user: User, **changes: Any) -> dict[str, Any]:
    """What the page of a user sends; `None` leaves a box empty."""
    sent: dict[str, Any] = {
        "username": user.username,
        "email": user.email,
        "is_active": "on" if user.is_active else None,
        "is_staff": "on" if user.is_staff else None,
        "groups": [group.pk for group in user.groups.all()],
        "user_permissions": [permission.pk for permission in user.user_permissions.all()],
        "date_joined_0": "2030-01-01",
        "date_joined_1": "00:00:00",
    }
    return {name: value for name, value in {**sent, **changes}.items() if value is not None}


def rights() -> list[tuple]:
    """The rights and credentials of all users and groups."""
    users = [
        (
            *(user.username, user.email, user.password, user.is_active, user.is_staff, user.is_superuser),
            *(names_of(user.user_permissions), sorted(user.groups.values_list("name", flat=True))),
        )
        for user in User.objects.order_by("pk")
    ]
    groups = [(group.name, names_of(group.permissions)) for group in Group.objects.order_by("pk")]
    return [*users, *groups, AuditEntry.objects.filter(action__startswith="user.c").count()]


def names_of(permissions: Any) -> list[str]:
    return sorted(permissions.values_list("codename", flat=True))


STRONGER: dict[str, Callable[[], User]] = {
    "a superuser": lambda: make_user("root", is_superuser=True),
    "a deactivated superuser": lambda: make_user("root", is_superuser=True, is_active=False),
    "a user with one permission more": lambda: make_user("eve", LACKED),
    "a deactivated user with one permission more": lambda: make_user("eve", LACKED, is_active=False),
    "a user of a group with one permission more": lambda: member_of(make_user("eve"), make_group("pickers", LACKED)),
}


def member_of(user: User, group: Group) -> User:
    user.groups.add(group)
    return user


@pytest.mark.parametrize("kind", STRONGER)
def test_an_account_that_has_more_is_neither_changed_nor_taken_over_nor_deleted(administrator: Client, kind: str):
    stronger = STRONGER[kind]()
    before = rights()

    answers = [
        administrator.post(page(stronger), form_of_user(stronger, email="adam@example.com")),
        administrator.post(page(stronger), form_of_user(stronger, is_active=None)),
        administrator.post(page(stronger), form_of_user(stronger, is_active="on")),
        administrator.get(page(stronger, "password")),
        administrator.post(page(stronger, "password"), NEW_PASSWORD),
        administrator.post(page(stronger, "delete"), {"post": "yes"}),
        administrator.post(USERS, {"action": "delete_selected", "_selected_action": [stronger.pk], "post": "yes"}),
    ]

    assert {answer.status_code for answer in answers} == {403}
    assert rights() == before
    assert administrator.get(page(stronger)).status_code == 200
    assert "_save" not in administrator.get(page(stronger)).content.decode()


def test_several_are_not_deleted_where_one_has_more(administrator: Client):
    weak, stronger = make_user("ben"), make_user("eve", LACKED)
    before = rights()
    sent = {"action": "delete_selected", "_selected_action": [weak.pk, stronger.pk], "post": "yes"}

    assert administrator.post(USERS, sent).status_code == 403
    assert rights() == before


@pytest.mark.parametrize("name", ["adam", "ben"])
def test_nobody_makes_a_superuser_but_a_superuser(administrator: Client, name: str):
    user = User.objects.filter(username=name).first() or make_user(name)

    shown = administrator.get(page(user)).context["adminform"].form.fields
    administrator.post(page(user), form_of_user(user, is_superuser="on", email="new@example.com"))

    user.refresh_from_db()
    assert "is_superuser" not in shown
    assert (user.is_superuser, user.email) == (False, "new@example.com")


@pytest.mark.parametrize("name", ["adam", "ben"])
def test_a_permission_is_given_only_by_its_holders(administrator: Client, name: str):
    user = User.objects.filter(username=name).first() or make_user(name)
    before = rights()

    answer = administrator.post(page(user), form_of_user(user, user_permissions=pks(LACKED, "auth.view_user")))

    refusal = f"Nobody gives what they do not have: this needs the permission {LACKED}."
    assert answer.context["adminform"].form.errors == {"user_permissions": [refusal]}
    assert rights() == before


@pytest.mark.parametrize("name", ["adam", "ben"])
def test_a_group_is_given_only_by_holders_of_its_permissions(administrator: Client, name: str):
    user = User.objects.filter(username=name).first() or make_user(name)
    group = make_group("pickers", LACKED, "inventory.view_stocklevel")
    before = rights()

    answer = administrator.post(page(user), form_of_user(user, groups=[group.pk]))

    assert list(answer.context["adminform"].form.errors) == ["groups"]
    assert rights() == before


def test_a_permission_is_put_into_a_group_only_by_its_holders(administrator: Client):
    own, empty = Group.objects.get(name="viewers"), make_group("pickers")
    before = rights()
    more = {"permissions": pks(LACKED, "inventory.view_stocklevel")}

    answers = [
        administrator.post(page(own), {"name": own.name, **more}),
        administrator.post(page(empty), {"name": empty.name, **more}),
        administrator.post(f"{GROUPS}add/", {"name": "mine", **more}),
    ]

    refusal = f"Nobody gives what they do not have: this needs the permission {LACKED}."
    assert [answer.context["adminform"].form.errors for answer in answers] == [{"permissions": [refusal]}] * 3
    assert rights() == before


def test_a_group_that_has_more_is_neither_changed_nor_deleted(administrator: Client):
    group = make_group("pickers", LACKED)
    before = rights()

    answers = [
        administrator.post(page(group), {"name": "packers", "permissions": pks(LACKED)}),
        administrator.post(page(group), {"name": "pickers"}),
        administrator.post(page(group, "delete"), {"post": "yes"}),
        administrator.post(GROUPS, {"action": "delete_selected", "_selected_action": [group.pk], "post": "yes"}),
    ]

    assert {answer.status_code for answer in answers} == {403}
    assert rights() == before


def test_a_new_user_is_staff_and_has_nothing(administrator: Client):
    sent = {"username": "new", "is_staff": "on", "is_superuser": "on", "user_permissions": pks(LACKED), **NEW_PASSWORD}

    assert administrator.post(f"{USERS}add/", sent).status_code == 302

    new = User.objects.get(username="new")
    assert (new.is_staff, new.is_superuser, names_of(new.user_permissions)) == (True, False, [])


def test_a_role_is_given_with_a_new_user_only_by_holders_of_its_permissions(administrator: Client):
    counter, before = Group.objects.get(name="Counter"), rights()
    sent = {"username": "new", "is_staff": "on", "groups": [counter.pk], **NEW_PASSWORD}

    refused = administrator.post(f"{USERS}add/", sent)
    unchanged = rights() == before
    User.objects.get(username="adam").user_permissions.add(*counter.permissions.all())
    made = administrator.post(f"{USERS}add/", sent)

    assert list(refused.context["adminform"].form.errors) == ["groups"]
    assert (unchanged, made.status_code) == (True, 302)
    assert User.objects.get(username="new").has_perm("inventory.change_stocktake")


def test_the_form_of_a_user_offers_the_roles_first_with_what_they_do(administrator: Client):
    added, changed = administrator.get(f"{USERS}add/"), administrator.get(page(make_user("ben")))

    for answer in (added, changed):
        labels = [str(label) for _, label in answer.context["adminform"].form.fields["groups"].choices]
        assert [label.partition("<strong>")[2].partition("<")[0] for label in labels[:6]] == list(ROLES)
        assert labels[1].endswith("fills in count sheets, without seeing what is expected; does not post them.")
        assert labels[6] == "viewers"
    assert added.context["adminform"].form["is_staff"].value() is True
    titles = [str(fieldset.name) for fieldset in changed.context["adminform"]]
    assert (titles[1], titles[-1]) == ("Roles", "Exceptions: single permissions")


def test_the_lists_show_the_roles_of_users_and_what_roles_do(administrator: Client, django_assert_max_num_queries):
    counter = Group.objects.get(name="Counter")
    for number in range(3):
        member_of(member_of(make_user(f"user-{number}"), counter), Group.objects.get(name="Viewer"))

    with django_assert_max_num_queries(12):
        users = administrator.get(USERS).content.decode()
    with django_assert_max_num_queries(12):
        roles = administrator.get(GROUPS).content.decode()

    assert users.count("Counter, Viewer") + users.count("Viewer, Counter") == 3
    assert "fills in count sheets" in roles


def test_a_user_administrator_gives_their_own_permissions(administrator: Client):
    ben, group = make_user("ben", "inventory.view_stocklevel"), Group.objects.get(name="viewers")
    given = pks("inventory.view_stocklevel", "auth.view_user")

    changed = administrator.post(page(ben), form_of_user(ben, user_permissions=given, groups=[group.pk]))
    filled = administrator.post(page(group), {"name": "readers", "permissions": given})
    password = administrator.post(page(ben, "password"), NEW_PASSWORD)
    made = administrator.post(f"{GROUPS}add/", {"name": "new", "permissions": given})

    assert [answer.status_code for answer in (changed, filled, password, made)] == [302] * 4
    ben.refresh_from_db()
    assert ben.has_perm("auth.view_user")
    assert ben.check_password(NEW_PASSWORD["password1"])
    assert names_of(Group.objects.get(name="readers").permissions) == ["view_stocklevel", "view_user"]


def test_a_lost_permission_can_no_longer_be_given(administrator: Client):
    adam, group = User.objects.get(username="adam"), make_group("pickers")
    given = {"name": "pickers", "permissions": pks("inventory.view_stocklevel")}
    grant(adam, *ADMINISTERS)
    adam.groups.clear()

    refused = administrator.post(page(group), given)
    grant(adam, *OWN)

    assert list(refused.context["adminform"].form.errors) == ["permissions"]
    assert administrator.post(page(group), given).status_code == 302


def test_a_superuser_gives_everything():
    root, ben = make_user("root", is_superuser=True), make_user("ben", LACKED)
    client, sent = logged_in("root"), {"is_superuser": "on", "user_permissions": pks(LACKED, "products.view_product")}

    changed = client.post(page(ben), form_of_user(ben, **sent))
    password = client.post(page(ben, "password"), NEW_PASSWORD)
    deleted = client.post(page(User.objects.get(username="ben"), "delete"), {"post": "yes"})

    assert [answer.status_code for answer in (changed, password, deleted)] == [302, 302, 302]
    assert list(User.objects.all()) == [root]
