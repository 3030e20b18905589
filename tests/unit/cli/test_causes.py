"""`kubewright incidents causes`."""

import json

from click.testing import CliRunner

from kubewright.cli.incidents import causes
from kubewright.healing.catalogue import CAUSES


def test_every_cause_is_listed_with_what_is_done_about_it():
    shown = CliRunner().invoke(causes, ["-o", "json"])
    assert shown.exit_code == 0
    found = json.loads(shown.output)["causes"]
    assert [each["name"] for each in found] == [each.name for each in CAUSES]
    assert len(found) >= 40
    assert len({each["name"] for each in found}) == len(found)
    assert all(each["summary"] for each in found)
