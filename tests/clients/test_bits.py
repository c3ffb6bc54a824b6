"""The bits of packages: created, uploaded and downloaded with the client, on a server of its own."""

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
