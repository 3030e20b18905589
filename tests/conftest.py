"""Options and settings for every test."""

from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants

# The machine's speed must not decide whether a test passes.
settings.register_profile("kubewright", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("kubewright")
if settings.default.derandomize:
    # Examples that are to be the same each time, as in CI, would still depend on which modules of ours the worker has
    # loaded for other files: Hypothesis draws from the constants in them. There is no setting for it.
    assert callable(providers._get_local_constants)
    providers._get_local_constants = Constants


# Files that take a minute or more. Each is given whole to one worker, so they begin before all others:
# one of them begun last would keep everybody waiting for it alone.
LONG = (
    "property/test_schemathesis.py",
    "sim/test_own_controllers.py",
    "e2e/test_dashboard.py",
    "contract/test_rollouts.py",
    "contract/test_install.py",
    "contract/test_scale_policies.py",
    "e2e/test_twin_state.py",
    "e2e/test_new.py",
    "sim/test_cron_days.py",
    "contract/test_why.py",
    "e2e/test_documents.py",
    "property/test_costs.py",
    "sim/test_demo.py",
)


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
    items.sort(key=lambda item: not item.path.as_posix().endswith(LONG))


def is_on_twin(item):
    callspec = getattr(item, "callspec", None)
    return callspec is not None and callspec.params.get("cluster") == "twin"
