import json

import pytest
from click.testing import CliRunner

from kubewright.cli.main import cli

ROWS = [
    f"2026-01-01 {hour:02}:{minute:02}:00,{9000 if hour == 3 else 3000}" for hour in range(6) for minute in range(60)
]
SERIES = "\n".join(["time,requests", *ROWS])


def backtest(*arguments, series=SERIES):
    return CliRunner().invoke(cli, ["backtest", "--series", "-", "--rate-per-pod", "25", *arguments], input=series)


def test_policies_are_shown_with_what_they_cost_and_one_is_chosen():
    shown = backtest("--startup", "15", "--target", "50", "--target", "90").output.splitlines()
    assert shown[0].split()[:3] == ["POLICY", "VIOLATION", "(MIN)"]
    assert [line.rsplit("  ")[0].strip() for line in shown[1:4]] == ["predictive", "hpa 50%", "hpa 90%"]
    assert shown[5].startswith("chosen: ")


def test_how_load_and_replicas_went_is_drawn_to_one_scale():
    shown = backtest("--startup", "15", "--target", "50", "--target", "90").output.splitlines()
    load, predictive, half, most = (line[12:84] for line in shown[7:])
    assert load.index("█") == 36
    assert all(set(row) <= set("▁▂▃▄▅▆▇█") for row in (load, predictive, half, most))
    assert "█" in half
    assert "█" not in most


def test_a_picture_is_written(tmp_path):
    picture = tmp_path / "backtest.png"
    assert backtest("--target", "70", "--plot", str(picture)).exit_code == 0
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_json_says_the_same_for_programs():
    found = json.loads(backtest("--from", "2026-01-01T02:00:00", "--to", "2026-01-01T05:00:00", "-o", "json").output)
    assert found["allowedViolationMinutes"] == pytest.approx(0.02)
    hours = {each["policy"]: each["replicaHours"] for each in found["policies"]}
    assert hours["hpa 80%"] < hours["hpa 50%"]
    assert sum(each["chosen"] for each in found["policies"]) == 1
    assert any(each["paretoFront"] for each in found["policies"])


@pytest.mark.parametrize(
    ("arguments", "series", "problem"),
    [
        ((), "time,requests\nyesterday,1", "line 2: 'yesterday,1' is no time and count"),
        (("--from", "2027-01-01"), SERIES, "there is nothing of the series between these times"),
        (("--least", "5", "--most", "4"), SERIES, "--least 5 is more than --most 4"),
        (("--target", "0"), SERIES, "--target"),
        (("--plot", "backtest.gif"), SERIES, "--plot backtest.gif: a PNG is written"),
        (("--plot", "nowhere/backtest.png"), SERIES, "nowhere/backtest.png: No such file or directory"),
    ],
)
def test_what_makes_no_sense_is_told(arguments, series, problem):
    refused = backtest(*arguments, series=series)
    assert refused.exit_code != 0
    assert problem in refused.output
