"""Each error response becomes an `InvalidStatusCode` of the client, with the code, title and detail of a controller."""

import subprocess
from http import HTTPStatus

import pytest
import requests
from cloudfoundry_client.client import CloudFoundryClient
from cloudfoundry_client.errors import InvalidStatusCode
from conftest import TIMEOUT
from oauth2_client.credentials_manager import OAuthError


def error_of(call):
    """Returns the status and the error of a call that must fail."""
    with pytest.raises(InvalidStatusCode) as caught:
        call()
    error = caught.value
    # The client reads the request id from a header.
    assert error.request_id
    assert list(error.body) == ["errors"] and len(error.body["errors"]) == 1
    return error.status_code, error.body["errors"][0]


def bad_query(text):
    detail = f"The query parameter is invalid: {text}"
    return HTTPStatus.BAD_REQUEST, {"detail": detail, "title": "CF-BadQueryParameter", "code": 10005}


def not_found(text):
    return HTTPStatus.NOT_FOUND, {"detail": text, "title": "CF-ResourceNotFound", "code": 10010}


UNKNOWN_REQUEST = HTTPStatus.NOT_FOUND, {"detail": "Unknown request", "title": "CF-NotFound", "code": 10000}


@pytest.mark.parametrize(
    "query, text",
    [
        ({"per_page": 0}, "Per page must be a positive integer"),
        ({"per_page": 5001}, "Per page must be between 1 and 5000"),
        ({"page": 0}, "Page must be a positive integer"),
        ({"order_by": "name"}, "Order by can only be: 'created_at', 'updated_at'"),
        ({"app_guid": "x", "foo": "y"}, None),
    ],
)
def test_400_names_the_error_in_the_query(client, query, text):
    status, error = error_of(lambda: client.v3.packages.get_first(**{"per_page": 1, **query}))
    assert (status, error["title"], error["code"]) == (400, "CF-BadQueryParameter", 10005)
    if text is None:
        assert error["detail"].startswith("The query parameter is invalid: Unknown query parameter(s): ")
    else:
        assert (status, error) == bad_query(text)


def test_400_for_a_time_with_an_offset(client):
    query = {"updated_ats[lte]": "2027-01-02T03:04:05+01:00"}
    assert error_of(lambda: client.v3.packages.get_first(**query)) == bad_query(
        "Updated ats has an invalid timestamp format. Timestamps should be formatted as 'YYYY-MM-DDThh:mm:ssZ'"
    )


def test_401_differs_without_a_token_and_with_a_wrong_one(server):
    client = server.client()
    client.refresh_token = None
    client._access_token = "potato"
    assert error_of(client.v3.packages.get_first) == (
        HTTPStatus.UNAUTHORIZED,
        {"detail": "Invalid Auth Token", "title": "CF-InvalidAuthToken", "code": 1000},
    )
    del client._session.headers["Authorization"]
    assert error_of(client.v3.packages.get_first) == (
        HTTPStatus.UNAUTHORIZED,
        {"detail": "Authentication error", "title": "CF-NotAuthenticated", "code": 10002},
    )


def test_403_for_a_token_without_the_scope(server, data):
    client = server.client()
    client.refresh_token = None
    client._access_token = server.program.run(
        "token", "--user", data.users[0]["guid"], "--scope", "openid"
    ).strip()
    assert error_of(client.v3.packages.get_first) == (
        HTTPStatus.FORBIDDEN,
        {"detail": "You are not authorized to perform the requested action", "title": "CF-NotAuthorized", "code": 10003},
    )


def test_404_for_unknown_guids(client):
    assert error_of(lambda: client.v3.packages["no-such"]) == not_found("Package not found")
    assert error_of(lambda: client.v3.apps["no-such"]) == not_found("App not found")
    assert error_of(lambda: client.v3.spaces["no-such"]) == not_found("Space not found")
    assert error_of(lambda: client.v3.organizations["no-such"]) == not_found("Organization not found")
    assert error_of(lambda: list(client.v3.apps.list_packages("no-such"))) == not_found("App not found")


def test_404_for_packages_that_the_user_cannot_see(server, data):
    alice = data.users[0]
    hidden = set(data.guids()) - set(data.visible_to(alice))
    package = server.client(alice["guid"]).v3.packages
    for guid in sorted(hidden)[:5]:
        assert error_of(lambda: package[guid]) == not_found("Package not found")


def test_404_for_routes_that_are_not_served(client):
    assert error_of(lambda: client.v3.packages.get("x/nothing")) == UNKNOWN_REQUEST


def test_422_for_an_invalid_seed(start_server):
    server = start_server("--admin-api")
    client = server.client()
    status, error = error_of(
        lambda: client.post(f"{server.url}/admin/seed", json={"packages": [{"app": "nothing", "type": "bits"}]})
    )
    assert (status, error["title"], error["code"]) == (422, "CF-UnprocessableEntity", 10008)
    assert "packages[0].app" in error["detail"]
    assert len(client.v3.packages) == 300


@pytest.mark.parametrize(
    "fault, status, title",
    [
        ({"kind": "rate_limit"}, 429, "CF-RateLimitExceeded"),
        ({"status": 500}, 500, "UnknownError"),
        ({"status": 503, "title": "CF-ServiceUnavailable", "code": 10015}, 503, "CF-ServiceUnavailable"),
    ],
)
def test_a_fault_rule_makes_one_request_fail(start_server, fault, status, title):
    server = start_server("--admin-api")
    client = server.client()
    client.post(f"{server.url}/admin/faults", json={"path": "/v3/packages", **fault})
    found, error = error_of(client.v3.packages.get_first)
    assert (found, error["title"]) == (status, title)
    assert client.v3.packages.get_first() is not None


def test_without_login_the_error_names_the_missing_flag(program):
    process = program.popen(
        "serve", "--listen", "127.0.0.1:0", "--api", "current", "--ephemeral", stdout=subprocess.PIPE
    )
    try:
        client = CloudFoundryClient(process.stdout.readline().removeprefix("listening on ").strip())
        with pytest.raises(OAuthError) as caught:
            client.init_with_user_credentials("admin", "secret")
        assert caught.value.status_code == 404
        assert "--login`" in requests.post(f"{client.info.authorization_endpoint}/oauth/token").text
    finally:
        process.terminate()
        assert process.wait(timeout=TIMEOUT) == 0
