"""The command lines of the four components. Called by `plane`; nothing here starts anything.

Defaults of Kubernetes stay wherever a user could see the difference; what changes is where they listen, who may ask,
and client-side limits, which on one machine would hide everything else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tools.cluster.binaries import CONTROL_PLANE
from tools.cluster.certificates import Authority, KeyFiles, write_signing_key

SERVICE_ADDRESSES = "10.96.0.0/16"
REQUESTS_PER_SECOND = 5000


@dataclass(frozen=True, slots=True)
class Ports:
    """A free loopback port for everything that listens."""

    etcd_client: int
    etcd_peer: int
    apiserver: int
    controller_manager: int
    scheduler: int


@dataclass(frozen=True, slots=True)
class Credentials:
    """Every key and certificate of one control plane."""

    authority: Authority
    serving: KeyFiles
    front_proxy_authority: KeyFiles
    front_proxy: KeyFiles
    service_accounts: KeyFiles
    administrator: KeyFiles
    controller_manager: KeyFiles
    scheduler: KeyFiles

    @classmethod
    def create(cls, directory: Path) -> "Credentials":
        """Write them all into a directory that must exist."""
        authority = Authority.create(directory, "kubernetes-ca")
        front_proxy_authority = Authority.create(directory, "front-proxy-ca")
        return cls(
            authority=authority,
            serving=authority.issue_serving("serving"),
            front_proxy_authority=front_proxy_authority.files,
            front_proxy=front_proxy_authority.issue_client("front-proxy-client", "front-proxy-client"),
            service_accounts=write_signing_key(directory, "service-accounts"),
            administrator=authority.issue_client("administrator", "certificate-admin", ("system:masters",)),
            controller_manager=authority.issue_client("controller-manager", "system:kube-controller-manager"),
            scheduler=authority.issue_client("scheduler", "system:kube-scheduler"),
        )


def etcd(ports: Ports, data: Path) -> list[str]:
    """Give etcd's command: one member, on a disk that it does not wait for."""
    client, peer = (f"http://127.0.0.1:{port}" for port in (ports.etcd_client, ports.etcd_peer))
    flags = {
        "name": "default",
        "data-dir": data,
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"default={peer}",
        "unsafe-no-fsync": "true",
        "log-level": "warn",
    }
    return _command("etcd", flags)


def apiserver(ports: Ports, credentials: Credentials, token_file: Path) -> list[str]:
    """Give kube-apiserver's command: TLS, tokens, client certificates, RBAC, an aggregation layer, no audit."""
    flags = {
        "etcd-servers": f"http://127.0.0.1:{ports.etcd_client}",
        "bind-address": "127.0.0.1",
        "advertise-address": "127.0.0.1",
        "secure-port": ports.apiserver,
        "endpoint-reconciler-type": "none",
        "service-cluster-ip-range": SERVICE_ADDRESSES,
        **_serving(credentials),
        "client-ca-file": credentials.authority.files.certificate,
        "token-auth-file": token_file,
        "authorization-mode": "Node,RBAC",
        "allow-privileged": "true",
        "service-account-issuer": "https://kubernetes.default.svc.cluster.local",
        "service-account-key-file": credentials.service_accounts.certificate,
        "service-account-signing-key-file": credentials.service_accounts.key,
        "requestheader-client-ca-file": credentials.front_proxy_authority.certificate,
        "requestheader-allowed-names": "front-proxy-client",
        "requestheader-username-headers": "X-Remote-User",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        "proxy-client-cert-file": credentials.front_proxy.certificate,
        "proxy-client-key-file": credentials.front_proxy.key,
    }
    return _command("kube-apiserver", flags)


def controller_manager(ports: Ports, credentials: Credentials, kubeconfig: Path) -> list[str]:
    """Give kube-controller-manager's command: every default controller with its own account, unthrottled."""
    authority = credentials.authority.files
    flags = {
        "bind-address": "127.0.0.1",
        "secure-port": ports.controller_manager,
        **_serving(credentials),
        **_client(kubeconfig),
        "use-service-account-credentials": "true",
        "service-account-private-key-file": credentials.service_accounts.key,
        "root-ca-file": authority.certificate,
        "cluster-signing-cert-file": authority.certificate,
        "cluster-signing-key-file": authority.key,
        "leader-elect": "false",
        "kube-api-qps": REQUESTS_PER_SECOND,
        "kube-api-burst": REQUESTS_PER_SECOND,
        "kube-api-content-type": "application/vnd.kubernetes.protobuf",
    }
    return _command("kube-controller-manager", flags)


def scheduler(ports: Ports, credentials: Credentials, kubeconfig: Path, configuration: Path) -> list[str]:
    """Give kube-scheduler's command, which reads `scheduler_configuration` from a file."""
    client = _client(kubeconfig)
    del client["kubeconfig"]  # the configuration file names it
    flags = {
        "bind-address": "127.0.0.1",
        "secure-port": ports.scheduler,
        "config": configuration,
        **_serving(credentials),
        **client,
    }
    return _command("kube-scheduler", flags)


def scheduler_configuration(kubeconfig: Path) -> dict[str, object]:
    """Give the KubeSchedulerConfiguration: the default profile, without the client's own limits."""
    return {
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "leaderElection": {"leaderElect": False},
        "clientConnection": {
            "kubeconfig": str(kubeconfig),
            "qps": REQUESTS_PER_SECOND,
            "burst": REQUESTS_PER_SECOND,
            "contentType": "application/vnd.kubernetes.protobuf",
        },
    }


def _serving(credentials: Credentials) -> dict[str, object]:
    return {"tls-cert-file": credentials.serving.certificate, "tls-private-key-file": credentials.serving.key}


def _client(kubeconfig: Path) -> dict[str, object]:
    return dict.fromkeys(("kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig"), kubeconfig)


def _command(name: str, flags: Mapping[str, object]) -> list[str]:
    return [str(CONTROL_PLANE.binary(name)), *(f"--{flag}={value}" for flag, value in flags.items())]
