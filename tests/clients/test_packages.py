"""The client sees exactly the contents of the database."""

from datetime import datetime

import pytest
from conftest import guids


@pytest.mark.parametrize("per_page", [None, 1, 7, 50, 299, 300, 301, 5000])
def test_the_pages_of_any_size_contain_all_packages_in_order(client, data, per_page):
    pages = client.v3.packages.list(**({"per_page": per_page} if per_page else {}))
    assert pages.total_results == len(data.packages)
    assert guids(pages) == data.guids()


def test_iteration_can_start_at_any_page(client, data):
    assert guids(client.v3.packages.list(page=3, per_page=60)) == data.guids()[120:]


def test_each_user_sees_and_counts_the_packages_of_their_roles(server, data):
    for user in data.users:
        packages = server.client(user["guid"]).v3.packages
        expected = data.visible_to(user)
        assert guids(packages.list(per_page=30)) == expected, user["name"]
        assert len(packages) == len(expected), user["name"]


def test_the_users_of_the_seed_see_different_packages(data):
    # The test above needs users who see no packages, and users who see different parts.
    seen = [len(data.visible_to(user)) for user in data.users]
    assert 0 in seen and len(set(seen)) > 3 and max(seen) < len(data.packages)


def of_app(one):
    return one["app"] == "325ca6bf-200f-433e-8777-dd14f4dd59ab"


FILTERS = [
    ({"states": "READY"}, lambda data, one: one["state"] == "READY"),
    ({"states": ["FAILED", "EXPIRED"]}, lambda data, one: one["state"] in ("FAILED", "EXPIRED")),
    ({"types": "docker"}, lambda data, one: one["type"] == "docker"),
    ({"types": ["docker", "bits"]}, lambda data, one: True),
    ({"app_guids": ["325ca6bf-200f-433e-8777-dd14f4dd59ab"]}, lambda data, one: of_app(one)),
    (
        {"space_guids": ["41e849e6-b52b-48a8-aed5-8082f983c4ff", "2a072b96-4dac-4fda-9888-f69d49ca49b4"], "types": "bits"},
        lambda data, one: one["type"] == "bits"
        and data.space_of(one) in ("41e849e6-b52b-48a8-aed5-8082f983c4ff", "2a072b96-4dac-4fda-9888-f69d49ca49b4"),
    ),
    (
        {"organization_guids": "acc1e9e4-73c2-44b3-b5bc-0178b8fd1776"},
        lambda data, one: data.organization_of(one) == "acc1e9e4-73c2-44b3-b5bc-0178b8fd1776",
    ),
    ({"label_selector": "env=prod"}, lambda data, one: one.get("labels", {}).get("env") == "prod"),
    (
        {"label_selector": "env in (dev,staging),!tier"},
        lambda data, one: one.get("labels", {}).get("env") in ("dev", "staging") and "tier" not in one["labels"],
    ),
    ({"created_ats[gt]": "2026-05-01T00:00:00Z"}, lambda data, one: one["created_at"] > "2026-05-01T00:00:00Z"),
    ({"guids": "no-such-package"}, lambda data, one: False),
]


@pytest.mark.parametrize("query, predicate", FILTERS, ids=lambda value: str(value) if isinstance(value, dict) else "")
def test_a_filter_applies_to_every_page_and_to_the_total(client, data, query, predicate):
    expected = data.guids(lambda one: predicate(data, one))
    pages = client.v3.packages.list(per_page=9, **query)
    assert pages.total_results == len(expected)
    # Each link to a next page contains the filter.
    assert guids(pages) == expected
    assert client.v3.packages.len(**query) == len(expected)


def test_order_by_sorts_the_list(client, data):
    newest_first = sorted(((one["created_at"], one["guid"]) for one in data.packages), reverse=True)
    found = client.v3.packages.list(order_by="-created_at", per_page=40)
    assert guids(found) == [guid for _, guid in newest_first]


def test_a_package_by_guid_equals_its_resource_in_the_list(client):
    for listed in client.v3.packages.list(per_page=300):
        assert client.v3.packages.get(listed["guid"]) == client.v3.packages[listed["guid"]] == listed


def test_a_package_shows_every_stored_field_except_the_password(client, data):
    found = {package["guid"]: package for package in client.v3.packages.list(per_page=5000)}
    for stored in data.packages:
        package = found[stored["guid"]]
        assert (package["type"], package["state"]) == (stored["type"], stored["state"])
        assert package["created_at"] == stored["created_at"]
        assert package["updated_at"] == stored.get("updated_at", stored["created_at"])
        assert datetime.fromisoformat(package["created_at"]).tzinfo is not None
        assert package["metadata"] == {
            "labels": stored.get("labels", {}),
            "annotations": stored.get("annotations", {}),
        }
        if stored["type"] == "docker":
            credentials = stored.get("credentials", {})
            user = credentials.get("user")
            shown = {"image": stored["image"], "username": user, "password": "***" if user else None}
            assert package["data"] == shown
        else:
            assert package["data"]["error"] == stored.get("error")
            assert package["data"]["checksum"]["value"] == (stored.get("sha256") or stored.get("sha1"))
