"""Every page, button and bulk action of the admin for every role of the staff.

`TABLE` of `admin_table` says what each asks for; a page or an action that is not in it fails.
"""

from collections.abc import Iterator, Set
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.template.response import SimpleTemplateResponse
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, reverse

from pms_backend.access.models import AuditEntry
from pms_backend.events.models import Event
from tests.access.admin_table import NOBODY, SITE, TABLE, WITHOUT_BUTTON, Page, has, needed, pages
from tests.access.roles import EACH_ROLE, ROLES, Role, user_with
from tests.operations.test_admin import add_rows
from tests.staff import PASSWORD, grant, logged_in

UNNAMED = {
    "<path:object_id>/": "leads to the page of the row, as it was addressed in the past",
    "(?P<url>.*)$": "leads to the login, or to nothing",
}
MODELS: dict[str, type[Model]] = {model._meta.label_lower: model for model in admin.site._registry}


def patterns(entries: list[URLPattern | URLResolver]) -> Iterator[URLPattern]:
    """All addresses below these."""
    for entry in entries:
        if isinstance(entry, URLResolver):
            yield from patterns(entry.url_patterns)
        else:
            yield entry


ADDRESSES = list(patterns(admin.site.get_urls()))
WITH_ROW = {
    entry.name for entry in ADDRESSES if (entry.name and entry.pattern.converters) or "<id>" in str(entry.pattern)
}
PAGES = list(pages(WITH_ROW))
# What a superuser is offered on a page, by the page's name: the same for every role that is compared to it.
OFFERED_TO_ALL: dict[str, set[str]] = {}

pytestmark = pytest.mark.django_db


@pytest.fixture
def rows() -> dict[str, Any]:
    """The key of a row of every model, by its label; the user and the group have no permissions."""
    add_rows(range(1))
    first = {label: model._default_manager.order_by("pk").first().pk for label, model in MODELS.items()}
    # The first groups are the roles, which have permissions.
    return first | {"auth.group": Group.objects.latest("pk").pk}


def url_of(page: Page, rows: dict[str, Any]) -> str:
    return reverse(f"admin:{page.name}", args=[rows[page.label]] if page.has_row else [])


def outcome(answer: Any) -> str:
    """`in`, `refused`, or `login`."""
    if answer.status_code == 302 and answer.headers["Location"].startswith("/admin/login/"):
        return "login"
    return {200: "in", 302: "in", 403: "refused"}.get(answer.status_code, str(answer.status_code))


def outcomes(client: Client, rows: dict[str, Any], found: list[Page], method: str) -> dict[str, str]:
    """What each page answers; what is sent is empty, so that nothing is done."""
    return {page.name: outcome(getattr(client, method)(url_of(page, rows))) for page in found}


def wanted(held: Set[str], found: list[Page], method: str) -> dict[str, str]:
    """What the table says for somebody with these permissions."""
    return {page.name: "in" if has(held, getattr(page, method)) else "refused" for page in found}


def test_every_page_is_in_the_table_and_nothing_else_is():
    named = sorted(entry.name for entry in ADDRESSES if entry.name)

    assert named == sorted([*(page.name for page in PAGES), *SITE])
    assert {str(entry.pattern) for entry in ADDRESSES if not entry.name} == set(UNNAMED)


def test_every_action_is_in_the_table_and_nothing_else_is():
    request = RequestFactory().get("/admin/")
    request.user = User(username="root", is_staff=True, is_superuser=True)

    for label, model in MODELS.items():
        page, row = admin.site.get_model_admin(model), TABLE[label]
        with_address = {*page.actions_list, *page.actions_row, *page._extract_action_names(page.actions_detail)}
        assert with_address == set(row.pages) - WITHOUT_BUTTON, label
        assert set(page.actions_submit_line) == set(row.buttons), label
        assert set(page.get_actions(request)) == set(row.bulk), label


@pytest.mark.parametrize("is_rendered", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", EACH_ROLE)
def test_a_role_opens_and_sends_what_its_permissions_say(
    name: str, is_rendered: bool, rows: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    if not is_rendered:
        # A view has decided before its template is rendered, which takes most of the time.
        monkeypatch.setattr(SimpleTemplateResponse, "rendered_content", "")
    user_with(ROLES[name])
    held = ROLES[name].held()

    for method in ("get", "post"):
        assert outcomes(logged_in("ada"), rows, PAGES, method) == wanted(held, PAGES, method)


@pytest.mark.slow
def test_one_permission_alone_opens_what_it_names(rows: dict[str, Any]):
    user = user_with(Role())
    client = logged_in("ada")

    for permission in sorted({one for page in PAGES for one in page.get | page.post} - {NOBODY}):
        grant(user, permission)
        assert outcomes(client, rows, PAGES, "get") == wanted({permission}, PAGES, "get"), permission
        own = [page for page in PAGES if permission in page.get | page.post]
        assert outcomes(client, rows, own, "post") == wanted({permission}, own, "post"), permission


@pytest.mark.parametrize("flags", [None, {}, {"is_superuser": True}, {"is_staff": True, "is_active": False}])
def test_nobody_else_gets_further_than_the_login(flags: dict[str, bool] | None, rows: dict[str, Any]):
    client = Client()
    if flags is not None:
        client.force_login(User.objects.create_user("eve", password=PASSWORD, **flags))

    for method in ("get", "post"):
        assert set(outcomes(client, rows, PAGES, method).values()) == {"login"}


def offered(client: Client, page: Page, rows: dict[str, Any]) -> set[str]:
    """The actions whose buttons or choices are on a page."""
    context = client.get(url_of(page, rows)).context
    prefix = page.label.replace(".", "_")
    found = [*(context.get("actions_list") or ()), *(context.get("actions_detail") or ())]
    links = [link["path"] for one in found for link in one.get("items", [one])]
    form = context.get("action_form")
    chosen = {name for name, _ in form.fields["action"].choices if name} if form else set()
    buttons = {button.action_name.removeprefix(f"{prefix}_") for button in context.get("actions_submit_line") or ()}
    names = {name for name in TABLE[page.label].pages if any(link == _link(page, name, rows) for link in links)}
    assert len(names) == len(links)
    return chosen | buttons | names


def _link(page: Page, action: str, rows: dict[str, Any]) -> str:
    name = f"{page.label.replace('.', '_')}_{action}"
    return reverse(f"admin:{name}", args=[rows[page.label]] if name in WITH_ROW else [])


@pytest.mark.parametrize("name", EACH_ROLE[:-1])
def test_a_role_is_offered_what_it_may_do_and_nothing_else(name: str, rows: dict[str, Any]):
    user_with(ROLES["superuser"], "root")
    user_with(ROLES[name])
    root, ada, held = logged_in("root"), logged_in("ada"), ROLES[name].held()
    shown = [page for page in PAGES if page.name.endswith(("_changelist", "_change")) and has(held, page.get)]

    for page in shown:
        row = TABLE[page.label]
        allowed = {
            action
            for action, need in (row.pages | row.bulk | row.buttons).items()
            if has(held, needed(page.label, need))
        }
        if page.name not in OFFERED_TO_ALL:
            OFFERED_TO_ALL[page.name] = offered(root, page, rows)
        assert offered(ada, page, rows) == OFFERED_TO_ALL[page.name] & allowed, page.name


def test_a_bulk_action_that_is_not_offered_does_nothing(rows: dict[str, Any]):
    user_with(ROLES["viewer of everything"])
    client, before = logged_in("ada"), [model.objects.count() for model in (Event, AuditEntry, LogEntry)]

    for label, row in TABLE.items():
        for action in row.bulk:
            sent = {"action": action, "_selected_action": [rows[label]], "apply": "1", "post": "yes", "delta": "1"}
            client.post(reverse(f"admin:{label.replace('.', '_')}_changelist"), {**sent, "reason": "receipt"})

    assert [model.objects.count() for model in (Event, AuditEntry, LogEntry)] == before


def test_a_button_that_is_not_offered_does_nothing(rows: dict[str, Any]):
    user_with(ROLES["viewer of everything"])

    answer = logged_in("ada").post(
        reverse("admin:products_product_change", args=[rows["products.product"]]), {"products_product_archive": "1"}
    )

    assert answer.status_code == 403
