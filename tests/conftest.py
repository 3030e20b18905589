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
    parser.addoption(
        "--not-again",
        action="store_true",
        help="leave out the cases on the twin, which ran before; what compares both clusters still runs",
    )


def pytest_collection_modifyitems(config, items):
    if config.getoption("--not-again"):
        left_out = [item for item in items if is_on_twin(item)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not is_on_twin(item)]


def is_on_twin(item):
    callspec = getattr(item, "callspec", None)
    return callspec is not None and callspec.params.get("cluster") == "twin"
