"""`deploy/check --libraries` on systems that are made up. (The rest of it runs as a stage of `deploy/dev test`.)"""

import os
import shutil
import subprocess

import pytest

from services import CHECKOUT

pytestmark = pytest.mark.skipif(not shutil.which("dpkg"), reason="compares versions as Debian does")


@pytest.fixture
def system(tmp_path):
    """What `deploy/check` says on a system with these packages."""

    def run(installed, release='ID=debian\nVERSION_ID="12"\n'):
        (tmp_path / "os-release").write_text(release)
        cases = "".join(f"*' {name}') printf {version} ;;\n" for name, version in installed.items())
        query = tmp_path / "dpkg-query"
        query.write_text(f"#!/bin/sh\ncase \"$*\" in\n{cases}*) exit 1 ;;\nesac\n")
        query.chmod(0o755)
        return subprocess.run(
            [CHECKOUT / "deploy" / "check", "--libraries"],
            env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "OS_RELEASE": str(tmp_path / "os-release")},
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


def test_the_fixed_versions_pass_and_newer_ones(system):
    assert system({"librabbitmq4": "0.11.0-1+deb12u3", "libssl3": "3.0.99-1~deb12u1"}).returncode == 0


@pytest.mark.parametrize(
    "name, version",
    [
        ("librabbitmq4", "0.11.0-1+deb12u2"),
        ("librabbitmq4", "0.11.0-1"),
        ("libpq5", "15.3-0+deb12u1"),
        ("libssl3", "3.0.9-1"),
        ("libcurl4", "7.88.1-10+deb12u5"),
        ("libsqlite3-0", "3.40.1-2"),
        ("zlib1g", "1:1.2.11.dfsg-4"),
    ],
)
def test_an_older_one_is_named_with_its_hole_and_the_way_out(system, name, version):
    result = system({name: version, "librabbitmq-none": "1"})
    assert result.returncode == 1
    assert f"{name} {version} has a known hole, CVE-" in result.stdout
    assert f"apt-get install --only-upgrade {name}\n" in result.stdout


def test_another_system_has_versions_of_its_own(system):
    result = system({"librabbitmq4": "0.10.0"}, release="ID=ubuntu\nVERSION_ID=24.04\n")
    assert result.returncode == 0 and result.stdout.startswith("not run")
