"""Runs the scripts of docs/guide/scaling.md by which machines follow a published file.

A primary is changed while clients ask a server that follows it. Each change must be seen there, and each request must be
answered with 200.
"""

import contextlib
import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "target/published"
# Seconds until a change must be seen.
LONGEST = 60
TARGETS = ["/v3/packages", "/v3/packages?per_page=5000", "/v3/organizations", "/healthz"]


def scripts():
    """Saves the scripts of the guide. Returns the text of the guide's blocks by their names."""
    guide = (ROOT / "docs/guide/scaling.md").read_text()
    found = dict(re.findall(r"^```bash (\S+)\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL))
    assert set(found) == {"publish.sh", "fetch.sh", "follow.sh"}, found.keys()
    for name, text in found.items():
        (WORK / name).write_text(text)


def run(*command, folder):
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)


@contextlib.contextmanager
def running(*command, folder, log, **options):
    """Starts a program in the background, and ends it."""
    with open(WORK / log, "a") as messages:
        process = subprocess.Popen(command, cwd=folder, stderr=messages, **options)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(LONGEST)


@contextlib.contextmanager
def serving(folder, log, *flags):
    """Starts `serve` and returns its port."""
    command = ["cf-packages", "serve", "--no-auth", "--api", "current", "--listen", "127.0.0.1:0", *flags]
    with running(*command, folder=folder, log=log, stdout=subprocess.PIPE, text=True) as server:
        yield int(server.stdout.readline().rsplit(":", 1)[1])


def request(port, target, method="GET", body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LONGEST)
    headers = {"Content-Type": "application/json", "Host": "localhost"}
    connection.request(method, target, json.dumps(body) if body else None, headers)
    response = connection.getresponse()
    return response.status, response.read()


@contextlib.contextmanager
def clients(port):
    """Asks in a loop. Each answer must be 200."""
    ends, failures, answers = threading.Event(), [], [0]

    def ask(target):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LONGEST)
        while not ends.is_set():
            try:
                connection.request("GET", target)
                response = connection.getresponse()
                body = response.read()
                answers[0] += 1
                if response.status != 200:
                    failures.append((target, response.status, body[:300]))
            except (OSError, http.client.HTTPException) as error:
                failures.append((target, repr(error)))
                connection.close()

    threads = [threading.Thread(target=ask, args=(target,)) for target in TARGETS * 2]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ends.set()
        for thread in threads:
            thread.join()
    assert not failures, (len(failures), failures[:5])
    assert answers[0] > 100, answers
    print(f"  {answers[0]} requests, none failed")


class Primary:
    """A server that is changed."""

    def __init__(self, folder, port):
        self.folder, self.port, self.changes = folder, port, 0
        _, body = request(port, "/v3/packages?per_page=1")
        self.package = "/v3/packages/" + json.loads(body)["resources"][0]["guid"]

    def change(self):
        """Changes a label, and every fourth time adds packages."""
        self.changes += 1
        labels = {"metadata": {"labels": {"change": str(self.changes)}}}
        status, body = request(self.port, self.package, "PATCH", labels)
        assert status == 200, body
        if self.changes % 4 == 0:
            run("cf-packages", "seed", "--generate", str(50 * self.changes), "--db", "packages.db", folder=self.folder)

    def wait_for(self, follower):
        """Waits until a follower answers like the primary."""
        start = time.monotonic()
        for target in [self.package, "/v3/packages?per_page=5000"]:
            expected = request(self.port, target)
            while request(follower, target) != expected:
                assert time.monotonic() - start < LONGEST, f"change {self.changes} is not seen"
                time.sleep(0.05)
        return time.monotonic() - start


def wait_for_file(path):
    start = time.monotonic()
    while not path.exists():
        assert time.monotonic() - start < LONGEST, f"{path} is not there"
        time.sleep(0.05)


def primary_and_box(name):
    """Makes the folders of a primary, with data, and of a machine that follows it."""
    folders = [WORK / name / part for part in ["primary", "box"]]
    for folder in folders:
        folder.mkdir(parents=True)
    run("cf-packages", "seed", "demo", "--db", "packages.db", folder=folders[0])
    return folders


def follow_a_web_server():
    folder, box = primary_and_box("web")
    site = WORK / "web/site"
    site.mkdir()
    web_server = [sys.executable, "-u", "-m", "http.server", "--bind", "127.0.0.1", "0"]
    with contextlib.ExitStack() as stack:
        enter = stack.enter_context
        web = enter(running(*web_server, folder=site, log="web.log", stdout=subprocess.PIPE, text=True))
        url = re.search(r"http://\S+/", web.stdout.readline())[0] + "packages.db"

        def publish():
            run("sh", "../../publish.sh", "../site", folder=folder)
            run("sh", "../../fetch.sh", url, folder=box)

        publish()
        primary = Primary(folder, enter(serving(folder, "primary.log", "--db", "packages.db")))
        port = enter(serving(box, "box.log", "--db", "served.db", "--read-only"))
        enter(clients(port))
        for _ in range(9):
            # The times of HTTP are whole seconds.
            time.sleep(1.1)
            primary.change()
            publish()
            primary.wait_for(port)
        before = (box / "served.db").stat()
        run("sh", "../../fetch.sh", url, folder=box)
        assert (box / "served.db").stat() == before, "an unchanged file was fetched again"
    run("cf-packages", "check", "--db", "served.db", folder=box)


def follow_litestream():
    folder, box = primary_and_box("litestream")
    replica = f"file://{WORK}/litestream/replica"
    replicate = ["litestream", "replicate", "packages.db", replica]
    # `restore` fails as long as nothing is replicated.
    follow = ["sh", "-c", f"until litestream ltx {replica} | grep -q 000; do sleep 0.1; done; exec sh ../../follow.sh {replica}"]
    with contextlib.ExitStack() as stack:
        enter = stack.enter_context
        enter(running(*replicate, folder=folder, log="replicate.log", stdout=subprocess.DEVNULL))
        primary = Primary(folder, enter(serving(folder, "primary.log", "--db", "packages.db")))
        with running(*follow, folder=box, log="follow.log", stdout=subprocess.DEVNULL):
            wait_for_file(box / "served.db")
            port = enter(serving(box, "box.log", "--db", "served.db", "--read-only"))
            enter(clients(port))
            for _ in range(12):
                primary.change()
                primary.wait_for(port)
        primary.change()
        # A follower that was ended fetches the database anew.
        with running(*follow, folder=box, log="follow.log", stdout=subprocess.DEVNULL):
            for _ in range(5):
                primary.wait_for(port)
                primary.change()
            primary.wait_for(port)
        run("cf-packages", "check", "--db", "packages.db", folder=folder)
    run("cf-packages", "check", "--db", "served.db", folder=box)


def main():
    program = Path(sys.argv[1]).resolve()
    shutil.rmtree(WORK, ignore_errors=True)
    (WORK / "bin").mkdir(parents=True)
    (WORK / "bin/cf-packages").symlink_to(program)
    os.environ["PATH"] = f"{WORK}/bin:{os.environ['PATH']}"
    scripts()
    for follow in [follow_a_web_server, follow_litestream]:
        print(follow.__name__.replace("_", " "), flush=True)
        follow()
    logged = (WORK / "box.log").read_text()
    assert "requests are answered with 503" not in logged and "former file" not in logged, logged


main()
