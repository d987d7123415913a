"""Nobody gives an API client what they do not have: neither scopes nor a tier, by making, changing or a new key."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from pms_backend.access import services
from pms_backend.access.models import DEFAULT_TIER, INTERNAL_TIER, STOREFRONT_TIER, ApiClient, ApiKey, AuditEntry
from pms_backend.access.scopes import ALL_SCOPES
from pms_backend.access.staff_scopes import PERMISSIONS_OF_SCOPE
from pms_backend.access.tokens.services import issue_tokens
from tests.access.issuer import Project
from tests.conftest import ClientWith, JSONClient
from tests.staff import said, staff_with

CLIENTS = "/api/v1/access/clients/"
ADD = "/admin/access/apiclient/add/"
NEW = {"name": "Shop", "scopes": ["products:read"], "tier": STOREFRONT_TIER}
MAY_MAKE = ("access:admin", "products:read")

pytestmark = pytest.mark.django_db


def stronger(**more: object) -> ApiClient:
    """A client that has more than `MAY_MAKE`."""
    wanted = {"name": "strong", "scopes": ["products:read", "products:write"], **more}
    return services.create_api_client(**wanted).client


def rows() -> tuple[list, list, int]:
    """Everything that a write to clients changes."""
    clients = ApiClient.objects.order_by("pk").values_list("pk", "name", "scopes", "tier", "expires_at")
    return list(clients), list(ApiKey.objects.order_by("pk").values()), AuditEntry.objects.count()


def refusal_of(answer) -> tuple[int, str]:
    assert answer.json()["code"] == "forbidden"
    return answer.status_code, answer.json()["detail"]


def superusers_session(_: ClientWith) -> JSONClient:
    client = JSONClient()
    client.force_login(User.objects.create_superuser("root"))
    return client


def superusers_token(_: ClientWith) -> JSONClient:
    client = JSONClient()
    token = issue_tokens(user=User.objects.create_superuser("root")).access
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


WITH_EVERYTHING: dict[str, Callable[[ClientWith], JSONClient]] = {
    "session of a superuser": superusers_session,
    "token of a superuser": superusers_token,
    "internal key with every scope": lambda client_with: client_with(ALL_SCOPES, tier=INTERNAL_TIER),
}


@pytest.mark.parametrize("maker", WITH_EVERYTHING)
def test_a_caller_with_everything_gives_everything(maker: str, client_with: ClientWith):
    client = WITH_EVERYTHING[maker](client_with)

    made = client.post(CLIENTS, {**NEW, "scopes": list(ALL_SCOPES), "tier": INTERNAL_TIER})

    assert (made.status_code, made.json()["scopes"]) == (201, sorted(ALL_SCOPES))
    assert client.patch(f"{CLIENTS}{made.json()['id']}/", {"name": "Till"}).status_code == 200
    assert client.post(f"{CLIENTS}{made.json()['id']}/rotate/", {}).status_code == 200


@pytest.mark.parametrize("scope", sorted(set(ALL_SCOPES) - set(MAY_MAKE)))
def test_a_scope_is_given_only_by_its_holders(scope: str, client_with: ClientWith):
    lacks, has = client_with(MAY_MAKE), client_with([*MAY_MAKE, scope])
    wanted = {**NEW, "scopes": ["products:read", scope]}
    before = rows()

    refused = lacks.post(CLIENTS, wanted)

    assert refusal_of(refused) == (403, f"Nobody gives what they do not have: this needs the scope {scope}.")
    assert refused.json()["errors"][0]["pointer"] == "/scopes"
    assert rows() == before
    assert has.post(CLIENTS, wanted).status_code == 201


@pytest.mark.parametrize(
    ("own", "given", "may"),
    [
        (DEFAULT_TIER, STOREFRONT_TIER, True),
        (DEFAULT_TIER, DEFAULT_TIER, True),
        (DEFAULT_TIER, "partner", False),
        (DEFAULT_TIER, INTERNAL_TIER, False),
        ("partner", "partner", True),
        ("partner", DEFAULT_TIER, True),
        ("partner", INTERNAL_TIER, False),
        (INTERNAL_TIER, "partner", True),
        (INTERNAL_TIER, INTERNAL_TIER, True),
    ],
)
def test_a_tier_is_given_only_by_its_holders(settings, client_with: ClientWith, own: str, given: str, may: bool):
    settings.RATE_LIMITS = '{"partner.read": "900/minute"}'
    maker = client_with(MAY_MAKE, tier=own)
    before = rows()

    answer = maker.post(CLIENTS, {**NEW, "tier": given})

    assert answer.status_code == (201 if may else 403)
    if not may:
        assert refusal_of(answer)[1] == f"Nobody gives what they do not have: this needs the tier {given}."
        assert answer.json()["errors"][0]["pointer"] == "/tier"
        assert rows() == before


def test_a_client_does_not_make_itself_stronger(client_with: ClientWith):
    weak = client_with(MAY_MAKE)
    own = f"{CLIENTS}{ApiClient.objects.get().public_id}/"
    before = rows()

    answers = [weak.patch(own, change) for change in ({"scopes": [*MAY_MAKE, "pms:write"]}, {"tier": INTERNAL_TIER})]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert rows() == before
    assert weak.patch(own, {"name": "Weak"}).status_code == 200
    assert weak.post(f"{own}rotate/", {}).status_code == 200


@pytest.mark.parametrize("more", [{}, {"scopes": ["products:read"], "tier": INTERNAL_TIER}])
def test_a_client_that_has_more_is_neither_changed_nor_taken_over(client_with: ClientWith, more: dict):
    maker, strong = client_with(MAY_MAKE), stronger(**more)
    page, before = f"{CLIENTS}{strong.public_id}/", rows()

    answers = [maker.patch(page, change) for change in ({"name": "Mine"}, {"expires_at": None})]
    answers += [maker.post(f"{page}rotate/", sent) for sent in ({}, {"overlap_seconds": 0})]

    assert {refusal_of(answer)[0] for answer in answers} == {403}
    assert rows() == before


def test_a_client_that_has_more_may_be_made_weaker_and_be_ended(client_with: ClientWith):
    maker, pages = client_with(MAY_MAKE), [f"{CLIENTS}{stronger().public_id}/" for _ in range(2)]

    weaker = maker.patch(pages[0], {"scopes": ["products:read"]})
    ended = maker.post(f"{pages[1]}revoke/")

    assert (weaker.status_code, ended.status_code) == (200, 200)


def test_a_supabase_user_gives_the_scopes_of_the_token_and_no_tier(project: Project):
    token = project.token("first", app_metadata={"scopes": list(MAY_MAKE)})
    client = JSONClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")

    answers = [client.post(CLIENTS, {**NEW, **more}) for more in ({}, {"scopes": ["pms:read"]}, {"tier": "internal"})]

    assert [answer.status_code for answer in answers] == [201, 403, 403]


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"scopes": ["access:admin"]}, "scopes"),
        ({"scopes": ["pms:write"]}, "scopes"),
        ({"tier": INTERNAL_TIER}, "tier"),
    ],
)
def test_a_member_of_staff_gives_in_the_admin_what_they_have_through_the_api(wanted: dict, field: str):
    staff = staff_with("access.add_apiclient", *PERMISSIONS_OF_SCOPE["products:read"], "access.view_apiclient")
    before = rows()

    refused = staff.post(ADD, {**NEW, **wanted})

    assert (refused.status_code, list(refused.context["adminform"].form.errors)) == (200, [field])
    assert "Nobody gives what they do not have" in str(refused.context["adminform"].form.errors[field])
    assert rows() == before
    assert staff.post(ADD, NEW).status_code == 302
    assert ApiClient.objects.get().scopes == ["products:read"]


def test_a_new_key_of_a_stronger_client_is_no_way_to_its_scopes_in_the_admin():
    staff, strong = staff_with("access.view_apiclient", "access.change_apiclient"), stronger()
    page = reverse("admin:access_apiclient_rotate", args=[strong.pk])
    before = rows()

    refused = staff.post(page, {"overlap_hours": "0"})

    assert refused.status_code == 200
    assert "this needs the scopes products:read, products:write" in str(refused.context["form"].errors)
    assert said(refused) == []
    assert rows() == before


def test_the_shell_gives_everything():
    made = services.create_api_client(name="quickstart", scopes=ALL_SCOPES, tier=INTERNAL_TIER)

    assert set(made.client.scopes) == set(ALL_SCOPES)
