"""A server with the `demo` seed on a free port, and what its database holds.

`--program FILE` names the binary; without it, the one that `cargo build` makes.
"""

import json
import os
import secrets
import subprocess
from pathlib import Path

import pytest
from cloudfoundry_client.client import CloudFoundryClient

ROOT = Path(__file__).resolve().parents[2]

# The roles that show a space's packages; to managers of its organization they show too.
SPACE_ROLES = {"space_developer", "space_manager", "space_auditor", "space_supporter"}


def pytest_addoption(parser):
    parser.addoption("--program", default=ROOT / "target/debug/cf-packages", type=Path, help="the binary to test")


class Program:
    """The binary, in a folder of its own, without any settings of whoever runs the tests."""

    def __init__(self, binary, folder):
        self.binary = binary.resolve()
        self.folder = folder
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("CF_PACKAGES_")}

    def run(self, *arguments):
        return subprocess.run(
            [self.binary, *arguments], cwd=self.folder, env=self.environment, capture_output=True, text=True, check=True
        ).stdout

    def popen(self, *arguments, **kwargs):
        return subprocess.Popen([self.binary, *arguments], cwd=self.folder, env=self.environment, text=True, **kwargs)


class Server:
    """A served database. Its password is known to the tests alone."""

    def __init__(self, program, *arguments, password=None):
        self.program = program
        self.password = password or secrets.token_urlsafe()
        (program.folder / "password").write_text(self.password + "\n")
        self.process = program.popen(
            "serve", "--listen", "127.0.0.1:0", "--api", "current", "--seed", "demo",
            "--login", "--login-password-file", "password", *arguments,
            stdout=subprocess.PIPE,
        )
        line = self.process.stdout.readline()
        assert line.startswith("listening on http://"), line
        self.url = line.removeprefix("listening on ").strip()

    def client(self, user="admin", password=None):
        """Somebody who has logged in by name and password."""
        client = CloudFoundryClient(self.url)
        client.init_with_user_credentials(user, password or self.password)
        return client

    def stop(self):
        self.process.terminate()
        assert self.process.wait(timeout=15) == 0


class Data:
    """What the database holds, by `cf-packages export`: everything there is, in the order in which it is listed."""

    def __init__(self, exported):
        self.packages = exported["packages"]
        self.users = exported["users"]
        self.apps = {app["guid"]: app for app in exported["apps"]}
        self.spaces = {space["guid"]: space for space in exported["spaces"]}
        self.organizations = {one["guid"]: one for one in exported["organizations"]}

    def space_of(self, package):
        return self.apps[package["app"]]["space"]

    def organization_of(self, package):
        return self.spaces[self.space_of(package)]["organization"]

    def guids(self, wanted=lambda package: True):
        return [package["guid"] for package in self.packages if wanted(package)]

    def seen_by(self, user):
        """The guids of the packages that the user's roles show."""
        roles = user.get("roles", [])
        spaces = {role["space"] for role in roles if role["role"] in SPACE_ROLES}
        managed = {role["organization"] for role in roles if role["role"] == "organization_manager"}
        return self.guids(lambda one: self.space_of(one) in spaces or self.organization_of(one) in managed)


@pytest.fixture(scope="session")
def program(request, tmp_path_factory):
    return Program(request.config.getoption("--program"), tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="session")
def server(program):
    server = Server(program)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def client(server):
    """The admin, logged in: sees all."""
    return server.client()


@pytest.fixture(scope="session")
def data(server):
    return Data(json.loads(server.program.run("export")))


@pytest.fixture
def another(request, tmp_path):
    """Starts a server of its own for one test, with more arguments."""
    started = []

    def start(*arguments, **kwargs):
        started.append(Server(Program(request.config.getoption("--program"), tmp_path), *arguments, **kwargs))
        return started[-1]

    yield start
    for server in started:
        server.stop()


def guids(resources):
    return [resource["guid"] for resource in resources]
