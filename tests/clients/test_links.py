"""Links, which the client turns into methods (`package.app()`, `app.packages()`), and included resources."""

import pytest
from conftest import guids


def test_links_lead_from_a_package_to_its_organization_and_back(client, data):
    # One package of each app, so that every link of every app and space is followed.
    by_app = {one["app"]: one["guid"] for one in data.packages}
    for stored_app, guid in by_app.items():
        package = client.v3.packages[guid]
        app = package.app()
        assert app["guid"] == stored_app
        assert app["name"] == data.apps[stored_app]["name"]
        assert guid in guids(app.packages())
        space = app.space()
        assert space["guid"] == data.apps[stored_app]["space"]
        organization = space.organization()
        assert organization["guid"] == data.spaces[space["guid"]]["organization"]


def test_the_packages_of_an_app_have_pages(client, data):
    for app in data.apps:
        expected = data.guids(lambda one: one["app"] == app)
        assert guids(client.v3.apps.list_packages(app, per_page=2)) == expected
        assert guids(client.v3.packages.list(app_guids=app, per_page=3)) == expected


@pytest.mark.parametrize("per_page", [1, 5, 50])
def test_the_lists_of_apps_spaces_and_organizations_are_complete(client, data, per_page):
    assert guids(client.v3.organizations.list(per_page=per_page)) == list(data.organizations)
    assert guids(client.v3.spaces.list(per_page=per_page)) == list(data.spaces)
    assert guids(client.v3.apps.list(per_page=per_page)) == list(data.apps)


def test_names_are_found_without_regard_to_case(client, data):
    for manager, stored in [
        (client.v3.organizations, data.organizations),
        (client.v3.spaces, data.spaces),
        (client.v3.apps, data.apps),
    ]:
        names = {one["name"].lower() for one in stored.values()}
        for name in names:
            expected = [guid for guid, one in stored.items() if one["name"].lower() == name]
            assert guids(manager.list(names=name.upper())) == expected


def test_included_resources_can_be_used(client, data):
    for app in client.v3.apps.list(include="space.organization", per_page=5):
        space = app.space()
        assert space["guid"] == data.apps[app["guid"]]["space"]
        assert space.organization()["guid"] == data.spaces[space["guid"]]["organization"]
    for space in client.v3.spaces.list(include="organization", per_page=3):
        assert space.organization()["guid"] == data.spaces[space["guid"]]["organization"]
    app = client.v3.apps.get(next(iter(data.apps)), include="space.organization")
    assert app.space().organization()["name"] == data.organizations[app.space().organization()["guid"]]["name"]


def test_a_user_sees_the_parents_of_each_package_they_see(server, data):
    for user in data.users:
        client = server.client(user["guid"])
        apps, spaces = guids(client.v3.apps.list()), guids(client.v3.spaces.list())
        organizations = guids(client.v3.organizations.list())
        for package in client.v3.packages.list(per_page=500):
            app = package["relationships"]["app"]["data"]["guid"]
            assert app in apps
            assert data.apps[app]["space"] in spaces
            assert data.spaces[data.apps[app]["space"]]["organization"] in organizations


def test_a_docker_package_has_no_links_to_bits(client):
    package = client.v3.packages.get_first(types="docker")
    assert list(package["links"]) == ["self", "app"]
    assert not hasattr(package, "download")
