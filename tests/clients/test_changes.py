"""Packages that the client changes, each on a server of its own."""

import hashlib
import io
import zipfile

from cloudfoundry_client.v3.packages import PackageType
from conftest import Program, Server


def archive():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as entries:
        entries.writestr("index.html", "<h1>shop</h1>" * 100_000)
    return file.getvalue()


def test_bits_come_back_as_they_were_uploaded(program, tmp_path):
    server = Server(Program(program.binary, tmp_path))
    client = server.client()
    app = next(one for one in client.v3.apps.list() if one["lifecycle"]["type"] == "buildpack")
    package = client.v3.packages.create(app["guid"], PackageType.BITS)
    assert package["state"] == "AWAITING_UPLOAD"

    bits = archive()
    uploaded = package.upload(files={"bits": ("shop.zip", bits)})
    assert uploaded["state"] == "PROCESSING_UPLOAD"
    ready = client.v3.packages.get(package["guid"])
    assert ready["state"] == "READY"
    assert ready["data"]["checksum"] == {"type": "sha256", "value": hashlib.sha256(bits).hexdigest()}
    assert client.get(ready["links"]["download"]["href"]).content == bits
    server.stop()


def test_package_is_created_copied_labelled_and_deleted(program, tmp_path):
    server = Server(Program(program.binary, tmp_path))
    client = server.client()
    packages = client.v3.packages
    apps = [one for one in client.v3.apps.list() if one["lifecycle"]["type"] == "buildpack"]
    before = len(packages)

    created = packages.create(apps[0]["guid"], PackageType.BITS, meta_labels={"env": "test"})
    assert created["metadata"]["labels"] == {"env": "test"}
    assert packages[created["guid"]]["state"] == "AWAITING_UPLOAD"
    assert list(packages.list_droplets(created["guid"])) == []

    source = created.upload(files={"bits": ("shop.zip", archive())})
    copy = packages.copy(source["guid"], apps[1]["guid"])
    assert copy["state"] == "COPYING"
    assert packages[copy["guid"]]["data"] == packages[source["guid"]]["data"]

    changed = packages._update(created["guid"], {"metadata": {"labels": {"env": None, "tier": "web"}}})
    assert changed["metadata"]["labels"] == {"tier": "web"}

    job = packages._remove(created["guid"])
    client.v3.jobs.wait_for_job_completion(job)
    assert len(packages) == before + 1
    server.stop()
