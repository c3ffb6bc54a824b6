"""What the client reads beside packages: users and roles, and lists that are always empty."""

import pytest
from cloudfoundry_client.errors import InvalidStatusCode
from conftest import guids


def test_users_and_their_roles_are_listed(client, data):
    assert guids(client.v3.users.list(per_page=3)) == [user["guid"] for user in data.users]
    roles = {
        (role["relationships"]["user"]["data"]["guid"], role["type"])
        for role in client.v3.roles.list(per_page=7)
    }
    assert roles == {(user["guid"], role["role"]) for user in data.users for role in user.get("roles", [])}
    one = client.v3.roles.get_first(types="space_developer")
    assert one.user()["username"] in {user["name"] for user in data.users}
    assert one.space()["guid"] in data.spaces


def test_included_users_can_be_used(client):
    for role in client.v3.roles.list(include="user", types="organization_manager"):
        assert role.user()["guid"] == role["relationships"]["user"]["data"]["guid"]


@pytest.mark.parametrize(
    "name",
    [
        "buildpacks", "domains", "feature_flags", "isolation_segments", "security_groups",
        "service_brokers", "service_credential_bindings", "service_instances", "service_offerings", "service_plans",
        "tasks",
    ],
)
def test_lists_of_what_does_not_exist_are_empty(client, name):
    manager = getattr(client.v3, name)
    assert list(manager.list()) == []
    assert len(manager) == 0


def test_every_app_has_a_process(client, data):
    processes = list(client.v3.processes.list(types="web"))
    assert sorted(process.app()["guid"] for process in processes) == sorted(data.apps)
    assert {process["instances"] for process in processes} == {0}


def test_links_of_an_app_and_an_organization_lead_somewhere(client, data):
    app = client.v3.apps[next(iter(data.apps))]
    assert guids(app.processes()) == [app["guid"]]
    for link in ["droplets", "tasks", "revisions"]:
        assert list(getattr(app, link)()) == [], link
    assert app.environment_variables()["var"] == {}
    assert client.v3.apps.get_env(app["guid"])["environment_variables"] == {}
    assert guids(client.v3.apps.list_routes(app["guid"])) == []
    with pytest.raises(InvalidStatusCode) as refused:
        app.current_droplet()
    assert "Droplet not found" in str(refused.value.body)
    organization = client.v3.organizations[next(iter(data.organizations))]
    assert organization.quota()["name"] == "default"
    assert guids(client.v3.organization_quotas.list()) == [organization.quota()["guid"]]


def test_a_write_that_is_not_served_says_what_is(client):
    with pytest.raises(InvalidStatusCode) as refused:
        client.v3.organizations.create("new", suspended=False)
    assert refused.value.status_code == 404
    assert "cf-packages" in str(refused.value.body)
