"""A generated password is shown once, and only on a terminal."""

import os
import pty
import re
import select
import subprocess
import time

from cloudfoundry_client.client import CloudFoundryClient
from conftest import TIMEOUT

SERVE = ("serve", "--listen", "127.0.0.1:0", "--api", "current", "--ephemeral", "--seed", "example", "--login")


def serve_at_a_terminal(program, *arguments):
    """Starts a server whose stderr is a terminal. Returns the process, its URL, the text on stderr, and the terminal."""
    terminal, theirs = pty.openpty()
    process = program.popen(*SERVE, *arguments, stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    url = process.stdout.readline().removeprefix("listening on ").strip()
    shown = b""
    # The lines follow the listening line at once.
    end = time.monotonic() + TIMEOUT
    while time.monotonic() < end and shown.count(b"\n") < (1 if arguments else 2):
        if select.select([terminal], [], [], 0.5)[0]:
            shown += os.read(terminal, 65536)
    return process, url, shown.decode().replace("\r\n", "\n"), terminal


def stop(process, terminal):
    process.terminate()
    assert process.wait(timeout=TIMEOUT) == 0
    assert process.stdout.read() == ""
    os.close(terminal)


def test_a_generated_password_is_shown_and_works(program):
    process, url, shown, terminal = serve_at_a_terminal(program)
    try:
        line = re.search(r"^cf login .* -u admin -p (\S+)$", shown, re.MULTILINE)
        assert line, shown
        client = CloudFoundryClient(url)
        client.init_with_user_credentials("admin", line[1])
        assert len(client.v3.packages) == 4
        assert shown.count(line[1]) == 1
    finally:
        stop(process, terminal)


def test_each_server_generates_another_password(program):
    passwords = set()
    for _ in range(2):
        process, _, shown, terminal = serve_at_a_terminal(program)
        stop(process, terminal)
        passwords.add(re.search(r" -p (\S+)", shown)[1])
    assert len(passwords) == 2


def test_a_given_password_is_not_shown(program):
    process, _, shown, terminal = serve_at_a_terminal(program, "--login-password", "swordfish")
    stop(process, terminal)
    assert "swordfish" not in shown and "login:" not in shown


def test_without_a_terminal_no_password_is_generated(program):
    process = program.popen(*SERVE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    output, errors = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, output) == (2, "")
    assert "`--login` needs a password" in errors and "--login-password-file" in errors
