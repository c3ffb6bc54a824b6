"""Login as the client does it: with a password, with client credentials, with a refresh token, and again when the
token has expired."""

import time

import pytest
from cloudfoundry_client.client import CloudFoundryClient
from cloudfoundry_client.errors import InvalidStatusCode
from conftest import guids
from oauth2_client.credentials_manager import OAuthError


@pytest.mark.parametrize("user", ["admin", "alice.moreau", "78593e23-2c9e-429f-8c39-402478fbf96e"])
def test_a_user_logs_in_by_name_or_guid(server, user):
    client = server.client(user)
    assert client.refresh_token
    assert client.v3.packages.get_first() is not None


def test_client_credentials_of_a_user_show_what_the_user_sees(server, data):
    for user, expected in [("admin", data.guids()), ("bob.tanaka", None)]:
        client = CloudFoundryClient(server.url, client_id=user, client_secret=server.password)
        client.init_with_client_credentials()
        if expected is None:
            expected = data.visible_to(next(one for one in data.users if one["name"] == user))
        assert guids(client.v3.packages.list(per_page=500)) == expected


def test_login_with_a_refresh_token(server, data):
    client = CloudFoundryClient(server.url)
    client.init_with_token(server.client().refresh_token)
    assert len(client.v3.packages) == len(data.packages)


def test_login_with_a_cf_home(server, data, tmp_path):
    alice = data.users[0]
    server.program.run("token", "--user", alice["guid"], "--cf-home", str(tmp_path), "--url", server.url)
    client = CloudFoundryClient.build_from_cf_config(str(tmp_path))
    assert guids(client.v3.packages.list(per_page=500)) == data.visible_to(alice)


def test_access_and_refresh_tokens_are_not_interchangeable(server):
    client = server.client()
    with pytest.raises(OAuthError) as refused:
        CloudFoundryClient(server.url).init_with_token(client._access_token)
    assert (refused.value.status_code, refused.value.error) == (401, "invalid_token")

    # The client never sends a refresh token as an access token by itself.
    client._access_token, client.refresh_token = client.refresh_token, None
    with pytest.raises(InvalidStatusCode) as refused:
        client.v3.packages.get_first()
    assert refused.value.status_code == 401
    assert refused.value.body["errors"][0]["title"] == "CF-InvalidAuthToken"


def test_an_expired_token_is_refreshed(start_server):
    # The client does not look at `exp`: it refreshes the token after a 401.
    server = start_server("--login-ttl", "2s")
    client = server.client("alice.moreau")
    before = client._access_token
    expected = guids(client.v3.packages.list(per_page=500))
    time.sleep(2.1)
    assert guids(client.v3.packages.list(per_page=500)) == expected
    assert client._access_token != before


def test_a_token_that_expires_between_two_pages_is_refreshed(start_server):
    client = start_server("--login-ttl", "1s").client()
    seen = []
    for package in client.v3.packages.list(per_page=100):
        if len(seen) % 100 == 99:
            time.sleep(1.1)
        seen.append(package["guid"])
    assert len(seen) == len(set(seen)) == len(client.v3.packages)


def test_a_wrong_password_and_an_unknown_user_are_refused_alike(server):
    refusals = []
    for user, password in [("alice.moreau", "wrong"), ("nobody", "wrong"), ("nobody", server.password)]:
        with pytest.raises(OAuthError) as refused:
            server.client(user, password)
        refusals.append((refused.value.status_code, refused.value.error, refused.value.error_description))
    assert refusals == [(401, "unauthorized", "Bad credentials")] * 3


@pytest.mark.parametrize("password", ["a%41+b", "a b:c", "ümläut", "-p"])
def test_client_credentials_accept_any_password(start_server, password):
    # The client does not escape the password in the Basic header, so the server must not unescape it.
    server = start_server(password=password)
    client = CloudFoundryClient(server.url, client_id="admin", client_secret=password)
    client.init_with_client_credentials()
    assert client.v3.packages.get_first() is not None
