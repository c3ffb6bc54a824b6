"""A server with the seed `demo` on a free port, and the contents of its database.

`--program FILE` names the program to test, by default the one that `cargo build` makes.
"""

import json
import os
import secrets
import subprocess
from pathlib import Path

import pytest
from cloudfoundry_client.client import CloudFoundryClient

# Seconds to wait for a process. Only one that hangs takes so long.
TIMEOUT = 60
ROOT = Path(__file__).resolve().parents[2]

# The roles with which a user sees the packages of a space. The managers of its organization see them too.
SPACE_ROLES = {"space_developer", "space_manager", "space_auditor", "space_supporter"}


def pytest_addoption(parser):
    parser.addoption("--program", default=ROOT / "target/debug/cf-packages", type=Path, help="the program to test")


class Program:
    """The program, in a folder of its own and without settings from the environment."""

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
    """A running server. All users have the same random password."""

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
        """Returns a client that is logged in with name and password."""
        client = CloudFoundryClient(self.url)
        client.init_with_user_credentials(user, password or self.password)
        return client

    def stop(self):
        self.process.terminate()
        assert self.process.wait(timeout=TIMEOUT) == 0


class Data:
    """The contents of the database, by `cf-packages export`. The order is that of the lists."""

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

    def guids(self, predicate=lambda package: True):
        """Returns the guids of the packages for which the predicate holds."""
        return [package["guid"] for package in self.packages if predicate(package)]

    def visible_to(self, user):
        """Returns the guids of the packages that the user sees."""
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
    """Returns a client that is logged in as admin."""
    return server.client()


@pytest.fixture(scope="session")
def data(server):
    return Data(json.loads(server.program.run("export")))


@pytest.fixture
def start_server(request, tmp_path):
    """Returns a function that starts a server for one test, with more arguments."""
    started = []

    def start(*arguments, **kwargs):
        started.append(Server(Program(request.config.getoption("--program"), tmp_path), *arguments, **kwargs))
        return started[-1]

    yield start
    for server in started:
        server.stop()


def guids(resources):
    return [resource["guid"] for resource in resources]
