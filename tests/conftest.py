"""Options and settings for every test."""

from hypothesis import HealthCheck, settings

# The machine's speed must not decide whether a test passes.
settings.register_profile("kubewright", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("kubewright")


def pytest_addoption(parser):
    parser.addoption(
        "--cluster",
        action="append",
        choices=["twin", "control-plane"],
        help="where the contract suite runs; may be given twice (default: twin)",
    )
