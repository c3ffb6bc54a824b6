"""Lists packages with the clients that openapi-python-client generates.

Usage: list_packages.py URL_2015 URL_CURRENT TOKEN
"""

import importlib
import sys
from pathlib import Path

import client_2015
import client_current
from client_2015 import AuthenticatedClient as Client2015
from client_2015.api.packages import list_packages as list_2015
from client_2015.models.bits_package import BitsPackage as BitsPackage2015
from client_2015.models.docker_package import DockerPackage as DockerPackage2015
from client_2015.models.package_list import PackageList as PackageList2015
from client_current import AuthenticatedClient
from client_current.api.packages import get_package, list_packages
from client_current.models.bits_package import BitsPackage
from client_current.models.docker_package import DockerPackage
from client_current.models.list_packages_response_400 import ListPackagesResponse400
from client_current.models.package_list import PackageList


def import_all() -> None:
    for package in [client_2015, client_current]:
        folder = Path(package.__path__[0])
        files = [file.relative_to(folder.parent).with_suffix("") for file in folder.rglob("*.py")]
        count = len([importlib.import_module(".".join(file.parts)) for file in files])
        assert count > 100, count


def list_in_current(url: str, token: str) -> None:
    client = AuthenticatedClient(base_url=url, token=token)
    page = list_packages.sync(client=client, page=2, per_page=3, order_by="-created_at")
    assert isinstance(page, PackageList), page
    assert page.pagination.total_results == 300
    assert len(page.resources) == 3
    for package in page.resources:
        assert isinstance(package, (BitsPackage, DockerPackage)), package
        assert get_package.sync(package.guid, client=client) == package
    refused = list_packages.sync(client=client, page=0)
    assert isinstance(refused, ListPackagesResponse400), refused
    assert "Page must be a positive integer" in refused.errors[0].detail


def list_in_2015(url: str, token: str) -> None:
    page = list_2015.sync(client=Client2015(base_url=url, token=token), page=2, per_page=3)
    assert isinstance(page, PackageList2015), page
    assert page.pagination.total_results == 300
    kinds = (BitsPackage2015, DockerPackage2015)
    assert [isinstance(package, kinds) for package in page.resources] == [True] * 3


if __name__ == "__main__":
    import_all()
    list_in_2015(sys.argv[1], sys.argv[3])
    list_in_current(sys.argv[2], sys.argv[3])
