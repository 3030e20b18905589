import json
import re

import pytest
import yaml
from click.testing import CliRunner

from kubewright.cli.main import cli
from kubewright.errors import OpError
from tests.unit.workloads.build import KINDS, app, desired

WEB = """
apiVersion: app.example.com/v1
kind: AppService
metadata: {name: web, namespace: shop}
spec:
  image: nginx
  replicas: 2
  ports: [{name: http, port: 80}]
  access: {from: [{app: front}]}
  availability: {}
"""
SETTINGS = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n"


def render(text, *arguments):
    result = CliRunner().invoke(cli, ["render", "-f", "-", *arguments], input=text)
    if result.exception:
        raise result.exception
    return result.output


def test_what_is_rendered_is_what_the_controller_makes():
    rendered = list(yaml.safe_load_all(render(WEB)))
    spec = yaml.safe_load(WEB)["spec"]
    made = desired(app(**spec), KINDS)
    assert [each["kind"] for each in rendered] == [each["kind"] for each in made]
    for one, other in zip(rendered, made, strict=True):
        assert one.get("spec") == other.get("spec")
        assert one["metadata"]["labels"] == other["metadata"]["labels"]
        assert "ownerReferences" not in one["metadata"]


def test_it_is_the_same_every_time():
    assert render(WEB) == render(WEB)


def test_documents_of_other_kinds_pass_unchanged():
    first, *_ = yaml.safe_load_all(render(WEB + SETTINGS))
    assert first == {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}}


def test_json_is_one_list():
    found = json.loads(render(WEB, "-o", "json"))
    assert (found["kind"], len(found["items"])) == ("List", 5)


def test_a_namespace_is_for_those_that_name_none():
    rendered = yaml.safe_load_all(render(WEB.replace(", namespace: shop", ""), "-n", "team"))
    assert {each["metadata"]["namespace"] for each in rendered} == {"team"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(WEB.replace("port: 80", "prt: 80"), 'unknown field "spec.ports[0].prt"', id="a typing error"),
        pytest.param(WEB.replace("image: nginx", "team: a"), "say which container image to run", id="no image"),
        pytest.param("a: [", "expected the node content", id="no YAML"),
        pytest.param("just text", "a document is an object", id="no object"),
    ],
)
def test_what_a_server_would_refuse_is_refused(text, said):
    with pytest.raises(OpError, match=re.escape(said)):
        render(text)


def test_files_and_folders(tmp_path):
    (tmp_path / "b.yaml").write_text(WEB)
    (tmp_path / "a.yml").write_text(SETTINGS)
    (tmp_path / "notes.txt").write_text("not a manifest")
    result = CliRunner().invoke(cli, ["render", "-f", str(tmp_path)])
    assert next(each["kind"] for each in yaml.safe_load_all(result.output)) == "ConfigMap"
    missing = CliRunner().invoke(cli, ["render", "-f", str(tmp_path / "none.yaml")])
    assert isinstance(missing.exception, OpError)


def test_where_no_application_is_there_is_nothing_to_compare():
    result = CliRunner().invoke(cli, ["diff", "-f", "-"], input=SETTINGS, standalone_mode=False)
    assert result.return_value == 2
    assert "there is no AppService in it to compare" in result.stderr
