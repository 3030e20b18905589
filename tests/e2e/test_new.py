"""`kubewright new`: a project that passes its own checks at once, and another kind in it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

SECONDS = 600


def said(*arguments, cwd, code=0):
    """Run kubewright and return all that it said."""
    command = [sys.executable, "-m", "kubewright", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False, cwd=cwd)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("new")
    text = said("new", "operator", "demo-site", "--group", "sites.example.com", cwd=folder)
    assert "next: cd demo-site && make test" in text
    return folder / "demo-site"


def test_a_new_project_with_a_second_kind_passes_its_own_checks(project):
    said("new", "api", "SiteProxy", cwd=project)
    app = (project / "demo_site" / "app.py").read_text()
    assert "CONTROLLERS = (demo_site, site_proxy)" in app
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    done = subprocess.run(
        ["make", "test"],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        cwd=project,
        env={**os.environ, "PATH": path},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    definitions = list(yaml.safe_load_all((project / "manifests" / "crds.yaml").read_text()))
    assert [each["metadata"]["name"] for each in definitions] == [
        "demosites.sites.example.com",
        "siteproxies.sites.example.com",
    ]


def test_the_harness_is_run_on_it_by_a_command_and_a_plan_is_run_again_by_its_name(project):
    sample = ("demo_site.app:build", "-f", "manifests/demosite.yaml")
    text = said("test", "operator", *sample, "--plans", "10", "--mutations", "3", "--jobs", "1", cwd=project)
    assert "violations: 0" in text
    assert "properties: 3 of 3" in text
    again = said("test", "operator", *sample, "--plan", "create/crash-after@1", cwd=project)
    assert "1. 2 s: PATCH" in again


def test_nothing_is_overwritten(project):
    text = said("new", "operator", "demo-site", cwd=project.parent, code=1)
    assert "it is there already, and is left as it is" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("new", "operator", "Demo"), "a name is written like my-operator"),
        (("new", "operator", "demo", "--kind", "cache"), "a kind is written like WebCache"),
        (("new", "operator", "demo", "--group", "example"), "a group is a domain of yours"),
        (("new", "api", "Cache"), "run it in a project that `kubewright new operator` made"),
        (("operate", "nowhere.app:build"), "No module named 'nowhere'"),
        (("operate", "nowhere"), "write MODULE:BUILD"),
        (("crds", "kubewright.app:nothing"), "kubewright.app has no function nothing"),
    ],
)
def test_what_cannot_be_is_said(tmp_path, arguments, message):
    assert message in said(*arguments, cwd=tmp_path, code=1)
