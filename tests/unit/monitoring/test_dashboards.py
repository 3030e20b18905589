"""What dashboards ask is there, and Grafana can read how they show it."""

import json
import re
from itertools import product
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from kubewright.cli.main import cli
from kubewright.monitoring.dashboards.board import WIDTH, Variable
from kubewright.monitoring.dashboards.grafana import TAG, documents
from kubewright.monitoring.dashboards.shipped import BOARDS
from kubewright.monitoring.forms import DASHBOARDS_PATH
from tests.unit.monitoring.vocabulary import chosen, finds_nothing, labels_of

RUNBOOKS = Path(__file__).parents[3] / "docs" / "runbooks"
PANELS = [(board, panel) for board in BOARDS for panel in board.panels]
EXPRESSIONS = sorted(
    {query.expr for _, panel in PANELS for query in panel.queries}
    | {marks.expr for board in BOARDS for marks in board.marks}
)
MOST_KUBECTL_TAKES = 262_144
"""The most that `kubectl apply` can note beside an object."""
DRAWN = documents(BOARDS, "https://example.com/runbooks/")
BUILT_IN = {"__rate_interval", "__all"}


def texts(document):
    match document:
        case dict():
            for value in document.values():
                yield from texts(value)
        case list():
            for value in document:
                yield from texts(value)
        case str():
            yield document


def drawn_panels(document):
    return [each for each in document["panels"] if each["type"] != "row"]


@pytest.mark.parametrize("expr", EXPRESSIONS)
def test_what_is_asked_is_exposed_with_its_labels_in_a_busy_cluster(expr):
    _, problems = labels_of(chosen(expr))
    assert not problems
    assert not finds_nothing(chosen(expr))


@pytest.mark.parametrize(("board", "panel"), PANELS, ids=[f"{b.name} {p.title}" for b, p in PANELS])
def test_a_panel_names_and_leads_on_by_labels_that_its_results_have(board, panel):
    needed = {"node": {"node"}, "namespace": {"namespace"}, "application": {"namespace", "appservice"}}
    for query in panel.queries:
        found, _ = labels_of(chosen(query.expr))
        assert set(re.findall(r"\{\{(\w+)\}\}", query.legend)) <= found
        assert needed.get(panel.leads_to, set()) <= found
    assert not panel.page or (RUNBOOKS / f"{panel.page}.md").exists()
    assert panel.leads_to in {"", *(each.name for each in BOARDS)}


@pytest.mark.parametrize("board", BOARDS, ids=lambda each: each.name)
def test_what_can_be_chosen_comes_from_series_that_there_are(board):
    for choice in board.choices:
        if not isinstance(choice, Variable):
            continue
        inner = re.fullmatch(r"label_values\((.+), (\w+)\)", choice.query)
        if inner:
            found, problems = labels_of(chosen(inner[1]))
            assert inner[2] in found
        else:
            found, problems = labels_of(chosen(choice.query.removeprefix("query_result(").removesuffix(")")))
            assert choice.name in found
        assert not problems


@pytest.mark.parametrize("board", BOARDS, ids=lambda each: each.name)
def test_a_row_is_filled_and_its_panels_differ_by_their_titles(board):
    for row in board.rows:
        assert sum(panel.width for panel in row.panels) % WIDTH == 0, row.title
        assert len({panel.title for panel in row.panels}) == len(row.panels)


@pytest.mark.parametrize("board", BOARDS, ids=lambda each: each.name)
def test_nothing_is_asked_by_a_variable_that_nobody_can_set(board):
    document = DRAWN[board.name]
    known = {each["name"] for each in document["templating"]["list"]} | BUILT_IN
    # `$1` is a group of a replacement; `${__field...}` and `${x:queryparam}` are parts of links.
    named = {name for text in texts(document) for name in re.findall(r"\$([a-z_][a-z_]*)", text)}
    named |= {name for text in texts(document) for name in re.findall(r"\$\{([a-z][a-z_]*)[:}]", text)}
    assert named <= known
    assert {"datasource", "cluster"} <= known


@pytest.mark.parametrize("board", BOARDS, ids=lambda each: each.name)
def test_panels_do_not_lie_upon_each_other(board):
    taken = set()
    for panel in DRAWN[board.name]["panels"]:
        x, y, width, height = (panel["gridPos"][each] for each in "xywh")
        cells = set(product(range(x, x + width), range(y, y + height)))
        assert not cells & taken, panel["title"]
        assert x + width <= WIDTH
        taken |= cells


def test_a_panel_links_to_its_runbook_and_a_series_to_its_board():
    (busiest,) = [each for each in drawn_panels(DRAWN["fleet"]) if each["title"] == "Busiest by CPU"]
    assert busiest["links"][0]["url"] == "https://example.com/runbooks/NodeSystemSaturation.md"
    (link,) = busiest["fieldConfig"]["defaults"]["links"]
    assert link["url"].startswith("/d/kubewright-node?var-node=${__field.labels.node}&")
    assert DRAWN["node"]["uid"] == "kubewright-node"


def test_what_is_better_the_more_there_is_of_it_turns_red_when_there_is_little():
    (available,) = [each for each in drawn_panels(DRAWN["application"]) if each["title"] == "Pods available"]
    steps = available["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert [(step["value"], step["color"]) for step in steps] == [(None, "red"), (0.5, "orange"), (1, "green")]


def test_rollouts_and_scalings_are_marked_where_an_application_is_shown():
    marks = {each["name"]: each for each in DRAWN["application"]["annotations"]["list"]}
    assert {"Alerts", "Rollouts", "Scalings"} <= marks.keys()
    assert marks["Rollouts"]["titleFormat"] == "rollout {{deployment}}"
    assert marks["Rollouts"]["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


@pytest.mark.parametrize("form", ["configmaps", "operator"])
def test_each_dashboard_is_a_config_map_that_grafanas_sidecar_finds(form):
    done = CliRunner().invoke(cli, ["monitoring", "render", "--form", form], catch_exceptions=False)
    maps = [each for each in yaml.safe_load_all(done.output) if each["kind"] == "ConfigMap"]
    boards = {
        each["metadata"]["name"]: each for each in maps if each["metadata"]["labels"].get("grafana_dashboard") == "1"
    }
    assert boards.keys() == {f"kubewright-dashboard-{each.name}" for each in BOARDS}
    for each in boards.values():
        (text,) = each["data"].values()
        assert json.loads(text)["tags"] == [TAG]
        assert len(json.dumps(each)) < MOST_KUBECTL_TAKES


def test_a_grafana_that_reads_files_is_told_where_they_are(tmp_path):
    done = CliRunner().invoke(cli, ["monitoring", "render", "-d", str(tmp_path)], catch_exceptions=False)
    assert done.exit_code == 0
    (told,) = (tmp_path / "grafana" / "provisioning" / "dashboards").iterdir()
    (provider,) = yaml.safe_load(told.read_text())["providers"]
    assert provider["options"]["path"] == DASHBOARDS_PATH
    assert {path.stem for path in (tmp_path / "dashboards").iterdir()} == {each.name for each in BOARDS}
