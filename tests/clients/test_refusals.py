"""Each refusal arrives as the client's own `InvalidStatusCode`, with the controller's code, title and words."""

import subprocess
from http import HTTPStatus

import pytest
import requests
from cloudfoundry_client.client import CloudFoundryClient
from cloudfoundry_client.errors import InvalidStatusCode
from cloudfoundry_client.v3.packages import PackageType
from oauth2_client.credentials_manager import OAuthError


def refused(call):
    with pytest.raises(InvalidStatusCode) as caught:
        call()
    error = caught.value
    # The client takes the number of the request from the answer's header.
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
    "asked, text",
    [
        ({"per_page": 0}, "Per page must be a positive integer"),
        ({"per_page": 5001}, "Per page must be between 1 and 5000"),
        ({"page": 0}, "Page must be a positive integer"),
        ({"order_by": "name"}, "Order by can only be: 'created_at', 'updated_at'"),
        ({"app_guid": "x", "foo": "y"}, None),
    ],
)
def test_400_with_what_is_wrong_with_the_query(client, asked, text):
    status, error = refused(lambda: client.v3.packages.get_first(**{"per_page": 1, **asked}))
    assert (status, error["title"], error["code"]) == (400, "CF-BadQueryParameter", 10005)
    if text is None:
        assert error["detail"].startswith("The query parameter is invalid: Unknown query parameter(s): ")
    else:
        assert (status, error) == bad_query(text)


def test_400_for_a_time_with_an_offset(client):
    asked = {"updated_ats[lte]": "2027-01-02T03:04:05+01:00"}
    assert refused(lambda: client.v3.packages.get_first(**asked)) == bad_query(
        "Updated ats has an invalid timestamp format. Timestamps should be formatted as 'YYYY-MM-DDThh:mm:ssZ'"
    )


def test_401_without_a_token_is_another_than_with_a_wrong_one(server):
    client = server.client()
    client.refresh_token = None
    client._access_token = "potato"
    assert refused(client.v3.packages.get_first) == (
        HTTPStatus.UNAUTHORIZED,
        {"detail": "Invalid Auth Token", "title": "CF-InvalidAuthToken", "code": 1000},
    )
    del client._session.headers["Authorization"]
    assert refused(client.v3.packages.get_first) == (
        HTTPStatus.UNAUTHORIZED,
        {"detail": "Authentication error", "title": "CF-NotAuthenticated", "code": 10002},
    )


def test_403_for_a_token_without_the_scope(server, data):
    client = server.client()
    client.refresh_token = None
    client._access_token = server.program.run(
        "token", "--user", data.users[0]["guid"], "--scope", "openid"
    ).strip()
    assert refused(client.v3.packages.get_first) == (
        HTTPStatus.FORBIDDEN,
        {"detail": "You are not authorized to perform the requested action", "title": "CF-NotAuthorized", "code": 10003},
    )


def test_404_for_what_is_not_there(client):
    assert refused(lambda: client.v3.packages["no-such"]) == not_found("Package not found")
    assert refused(lambda: client.v3.apps["no-such"]) == not_found("App not found")
    assert refused(lambda: client.v3.spaces["no-such"]) == not_found("Space not found")
    assert refused(lambda: client.v3.organizations["no-such"]) == not_found("Organization not found")
    assert refused(lambda: list(client.v3.apps.list_packages("no-such"))) == not_found("App not found")


def test_404_for_what_the_user_may_not_see(server, data):
    alice = data.users[0]
    hidden = set(data.guids()) - set(data.seen_by(alice))
    package = server.client(alice["guid"]).v3.packages
    for guid in sorted(hidden)[:5]:
        assert refused(lambda: package[guid]) == not_found("Package not found")


def test_404_for_what_this_server_does_not_do(client, data):
    app = next(iter(data.apps))
    assert refused(lambda: client.v3.packages.create(app, PackageType.BITS)) == UNKNOWN_REQUEST
    assert refused(lambda: client.v3.packages._remove(data.packages[0]["guid"])) == UNKNOWN_REQUEST
    assert refused(lambda: client.v3.packages.list_droplets(data.packages[0]["guid"])) == UNKNOWN_REQUEST
    assert refused(lambda: client.v3.users.get_first()) == UNKNOWN_REQUEST


def test_422_for_a_seed_that_is_wrong(another):
    server = another("--admin-api")
    client = server.client()
    status, error = refused(
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
def test_whatever_else_a_controller_may_answer_once(another, fault, status, title):
    server = another("--admin-api")
    client = server.client()
    client.post(f"{server.url}/admin/faults", json={"path": "/v3/packages", **fault})
    found, error = refused(client.v3.packages.get_first)
    assert (found, error["title"]) == (status, title)
    assert client.v3.packages.get_first() is not None


def test_without_login_the_client_is_told_which_flag_is_missing(program):
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
        assert process.wait(timeout=15) == 0
