"""`kubewright cost` as tables for people and documents for programs."""

import csv
import io
import json
from fractions import Fraction

import pytest
import yaml
from click.testing import CliRunner

from kubewright.cli.cost import cost
from kubewright.cli.costtables import Report, show, show_forecast
from kubewright.costs.allocate import allocate
from kubewright.costs.budget import Day, Spend
from kubewright.costs.focus import COLUMNS
from kubewright.costs.ledger import Ledger
from kubewright.costs.money import money
from kubewright.costs.prices import read_prices
from kubewright.costs.windows import Window
from tests.unit.costs.build import asset, demand, owner, tariff

HOUR = 3600
MIDNIGHT = 1_794_268_800  # 2026-11-10


@pytest.fixture
def report():
    """Two hours of a node, of which one team asks for a half, and a third in the second hour was measured."""
    rates = tariff(cpu="0.1", gpu="1")
    ledgers = []
    for number, used in enumerate((None, 1)):
        ledger = Ledger(MIDNIGHT + number * HOUR, MIDNIGHT + (number + 1) * HOUR)
        assets = [asset("a", rates, cpu=8, gpu=2)]
        ledger.take(
            assets, allocate(assets, [demand(owner(), "a", "cpu", 4, used), demand(owner(), "a", "gpu", 1, used)])[0]
        )
        ledgers.append(ledger)
    window = Window(MIDNIGHT, MIDNIGHT + 2 * HOUR, HOUR, 60)
    return Report(read_prices({"currency": "EUR"}, "f"), ledgers, window, 0.75, ("something is not known",))


def shown(capsys, output, report, by="team", idle="show"):
    show(output, by, idle, report)
    return capsys.readouterr()


def test_a_table_for_each_step_and_what_is_known(capsys, report):
    first, header, shops, idle, total, _, *rest = shown(capsys, "table", report).out.splitlines()
    assert first == "2026-11-10T00:00:00Z to 2026-11-10T01:00:00Z, in EUR"
    assert header.split() == ["TEAM", "CPU", "GPU", "IDLE", "SHARED", "TOTAL", "WASTED"]
    assert shops.split() == ["shops", "0.4000", "1.0000", "-", "-", "1.4000", "-"]
    assert idle.split() == ["__idle__", "-", "-", "1.4000", "-", "1.4000", "-"]
    assert total.split() == ["all", "2.8000"]
    assert rest[-3:] == [
        "known of the window: 75.0%, in parts of 60 seconds",
        "use was measured for 50.0% of what workloads cost; the rest goes by requests alone",
        "note: something is not known",
    ]


def test_a_wide_table_tells_of_idle_gpus_and_of_what_was_not_measured(capsys, report):
    lines = shown(capsys, "wide", report).out.splitlines()
    assert "GPU WASTED  UNMEASURED" in lines[1]
    assert lines[2].split()[-3:] == ["-", "-", "1.4000"]
    assert lines[8].split()[-3:] == ["0.3000", "-", "-"]


def test_an_hour_as_it_is_now_says_so(capsys, report):
    now = Report(report.book, report.ledgers[:1], None, 1.0)
    out = shown(capsys, "table", now).out
    assert out.startswith("an hour as it is now, in EUR: no history")
    assert "known of the window" not in out


@pytest.mark.parametrize(("output", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_documents_are_exact(capsys, report, output, read):
    document = read(shown(capsys, output, report, idle="share").out)
    assert document["coverage"] == {"window": 0.75, "useMeasured": 0.5, "notes": ["something is not known"]}
    for step in document["steps"]:
        assert sum(Fraction(each["total"]) for each in step["rows"]) == Fraction(step["cost"])
    assert [each["name"] for each in document["steps"][0]["rows"]] == ["shops"]


def test_csv_has_a_row_for_each_step_and_team(capsys, report):
    told = shown(capsys, "csv", report, by="label:tier")
    rows = list(csv.DictReader(io.StringIO(told.out)))
    assert [(each["from"], each["label:tier"], each["total"]) for each in rows][:2] == [
        ("2026-11-10T00:00:00Z", "__idle__", "1.4"),
        ("2026-11-10T00:00:00Z", "__none__", "1.4"),
    ]
    assert "something is not known" in told.err


def test_focus_is_csv_in_its_columns(capsys, report):
    rows = list(csv.DictReader(io.StringIO(shown(capsys, "focus", report).out)))
    assert tuple(rows[0]) == COLUMNS
    assert sum(Fraction(each["BilledCost"]) for each in rows) == Fraction("5.6")


def test_names_are_of_those_who_can_pay_once_each(capsys, report):
    told = shown(capsys, "name", report)
    assert told.out == "team/shops\n"
    assert "something is not known" in told.err
    assert shown(capsys, "name", report, by="controller").out == "shop/deployment/web\n"


def spend(*daily):
    return Spend("EUR", tuple(Day(MIDNIGHT - (len(daily) - at) * 86_400, money(each)) for at, each in enumerate(daily)))


def test_a_forecast_stands_beside_budgets(capsys):
    spends = {"shops": spend(10, 10), "ads": spend(1, 1), "new": Spend("EUR", ())}
    show_forecast("table", "team", spends, {"shops": money(100), "none": money(1)}, MIDNIGHT)
    told = capsys.readouterr()
    header, shops, ads, new = told.out.splitlines()
    assert header.split() == ["TEAM", "SPENT", "EXPECTED", "KNOWN", "BUDGET", "OF", "IT", "USED", "UP", "LIKE"]
    assert shops.split()[:7] == ["shops", "20.00", "230.00", "22%", "100.00", "230%", "2026-11-18T00:00:00Z"]
    assert ads.split()[:4] == ["ads", "2.00", "23.00", "22%"]
    assert "nothing was measured" in new
    assert told.err == "--budget none: nobody of that name spent anything\n"
    show_forecast("json", "team", spends, {"shops": money(100)}, MIDNIGHT)
    assert json.loads(capsys.readouterr().out)[0]["expected"] == "230"
    show_forecast("name", "team", {"__idle__": spend(1, 1), **spends}, {}, MIDNIGHT)
    assert capsys.readouterr().out == "team/shops\nteam/ads\nteam/new\n"
    show_forecast("csv", "team", spends, {}, MIDNIGHT)
    assert len(list(csv.DictReader(io.StringIO(capsys.readouterr().out)))) == 3


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (["--window", "7d"], "need the history of --prometheus"),
        (["--forecast"], "need the history of --prometheus"),
        (["-o", "focus"], "-o focus is of what was"),
        (["--budget", "a=1"], "--budget is set beside a --forecast"),
        (["--prometheus", "http://x", "--forecast", "--window", "7d"], "a --forecast is of this month"),
        (["--prometheus", "http://x", "--hints", "-o", "json"], "--hints are for people"),
        (["--by", "colour"], "'colour' is none of team, app"),
        (["--prometheus", "http://x", "--window", "soon"], "'soon': a duration is a number"),
        (["--prometheus", "http://x", "--forecast", "--budget", "a=much"], "expected NAME=AMOUNT"),
        (["--prometheus", "http://x", "--forecast", "--budget", "a=0"], "expected NAME=AMOUNT"),
    ],
)
def test_options_that_make_no_sense_are_said(call, said, tmp_path):
    (tmp_path / "kubeconfig").write_text(KUBECONFIG)
    done = CliRunner().invoke(cost, [*call, "--kubeconfig", str(tmp_path / "kubeconfig")])
    assert done.exit_code == 2
    assert said in " ".join(done.output.split())


KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: x
clusters: [{name: x, cluster: {server: "http://127.0.0.1:1"}}]
contexts: [{name: x, context: {cluster: x}}]
"""
