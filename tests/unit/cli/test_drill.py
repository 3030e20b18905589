"""`drill NAME` is `drill run NAME`, and commands of the group stay what they are."""

import pytest
from click.testing import CliRunner

from kubewright.cli.main import cli


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("drill", "no-such-drill"), "there is no drill no-such-drill"),
        (("drill", "run", "no-such-drill"), "there is no drill no-such-drill"),
        (("drill", "list", "-o", "name"), "wrong-selector"),
        (("drill",), "drill NAME"),
    ],
)
def test_a_drill_may_be_named_at_once(words, said):
    assert said in CliRunner().invoke(cli, words).output
