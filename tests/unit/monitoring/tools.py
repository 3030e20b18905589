"""The real promtool and amtool, asked about what we write."""

import subprocess

import pytest
import yaml

from kubewright.monitoring.rules import Alert, rule_file
from tools.cluster import ALERTMANAGER, PROMETHEUS

needs_prometheus = pytest.mark.skipif(not PROMETHEUS.built(), reason="`make prometheus` builds it")
needs_alertmanager = pytest.mark.skipif(not ALERTMANAGER.built(), reason="`make alertmanager` builds it")


def promtool(*arguments):
    return _run(PROMETHEUS.binary("promtool"), *arguments)


def amtool(*arguments):
    return _run(ALERTMANAGER.binary("amtool"), *arguments)


def _run(*command):
    done = subprocess.run([str(each) for each in command], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def alerts_of(groups):
    return [rule for group in groups for rule in group.rules if isinstance(rule, Alert)]


def write(path, document):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return path


def fired(folder, groups, cases):
    """Let promtool hold alerts against cases: `(name, series, [(alert, at which minute, labels of each)])`.

    Each case has only the groups that its alerts are of: the tool reckons every rule for every moment.
    """
    files = []
    for number, (name, series, wanted) in enumerate(cases):
        named = {alert for alert, _, _ in wanted}
        chosen = [each for each in groups if named & {alert.name for alert in alerts_of([each])}]
        document = rule_file(chosen)
        for group in document["groups"]:
            for rule in group["rules"]:
                rule.pop("annotations", None)  # each would have to be given, word for word
        write(folder / f"rules-{number}.yml", document)
        case = {
            "rule_files": [f"rules-{number}.yml"],
            "evaluation_interval": "30s",
            "tests": [_case(name, series, wanted)],
        }
        files.append(write(folder / f"tests-{number}.yml", case))
    promtool("test", "rules", *files)


def _case(name, series, wanted):
    given = [{"series": key, "values": values} for key, values in series.items()]
    asked = [
        {"eval_time": f"{minute}m", "alertname": alert, "exp_alerts": [{"exp_labels": each} for each in labels]}
        for alert, minute, labels in wanted
    ]
    return {"name": name, "interval": "15s", "input_series": given, "alert_rule_test": asked}
