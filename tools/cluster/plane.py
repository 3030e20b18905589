"""Starting, waiting for, restarting and ending one control plane. The public class of this package."""

import atexit
import itertools
import json
import os
import shutil
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from tools.cluster import components, process
from tools.cluster.access import Https, certificate_user, kubeconfig, write_private
from tools.cluster.certificates import KeyFiles
from tools.cluster.components import Credentials, Ports
from tools.cluster.failure import ClusterError
from tools.cluster.process import Running

START_SECONDS = 300.0
_PORTS = range(20_000, 32_000)
_STRIDE = 64
"""So many ports lie between those of one process and those of the next that was started."""
_own_ports = itertools.islice(itertools.cycle(_PORTS), os.getpid() * _STRIDE % len(_PORTS), None)
POLL_SECONDS = 0.05
ADMIN_TOKEN = "kubewright-test-admin"  # noqa: S105  (on loopback, for a cluster without secrets)
POWERLESS_TOKEN = "kubewright-test-powerless"  # noqa: S105
STOP_ORDER = ("kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd")
SERVICE_ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"


@dataclass(slots=True)
class ControlPlane:
    """A running control plane. `start` makes one, `attach` finds one that `python -m tools.cluster up` left running.

    The kubeconfig has three contexts: `admin` (token, system:masters; the current one), `certificate` (client
    certificate, system:masters) and `powerless` (token, no rights at all but those of every authenticated user).
    """

    state: Path
    server: str
    owned: bool
    start_seconds: float = 0.0
    running: dict[str, Running] = field(default_factory=dict[str, Running])
    commands: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    @property
    def kubeconfig(self) -> Path:
        """Give the administrator's kubeconfig file."""
        return self.state / "kubeconfig"

    @property
    def certificate_authority(self) -> Path:
        """Give the PEM file that the server's certificate is checked against."""
        return self.state / "certificates" / "kubernetes-ca.crt"

    @property
    def token(self) -> str:
        """Give the administrator's bearer token."""
        return ADMIN_TOKEN

    @classmethod
    def start(
        cls,
        state: Path,
        *,
        controllers: bool = True,
        scheduler: bool = True,
        extra_arguments: Mapping[str, Sequence[str]] | None = None,
        leashed: bool = True,
    ) -> Self:
        """Start a new, empty control plane in `state` (wiped first) and return when all of it is ready.

        A leashed one cannot outlive the thread that called this. `extra_arguments` are flags by component name.
        """
        began = time.monotonic()
        plane = cls._prepared(Path(state).absolute(), extra_arguments or {})
        atexit.register(plane.stop) if leashed else None
        try:
            plane._start_all(controllers=controllers, scheduler=scheduler, leashed=leashed)  # noqa: SLF001  (its own class)
        except BaseException:
            plane.stop()
            raise
        plane.start_seconds = time.monotonic() - began
        return plane

    @classmethod
    def attach(cls, state: Path) -> Self:
        """Find the control plane that another process started in `state`; leaving its `with` does not end it."""
        try:
            record = json.loads((state / "plane.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ClusterError(f"no control plane in {state}: `python -m tools.cluster up --state {state}`") from None
        running = {entry["name"]: Running(**entry) for entry in record["running"]}
        return cls(state.absolute(), record["server"], owned=False, running=running, commands=record["commands"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.owned:
            self.stop()

    def stop(self) -> None:
        """End every component, etcd last; safe to call again. The state directory stays for its logs."""
        process.end([self.running[name] for name in STOP_ORDER if name in self.running])
        self.running.clear()
        atexit.unregister(self.stop)

    def kill(self, name: str) -> None:
        """End one component without a farewell, as a crash would (the API server's watches break)."""
        process.kill(self.running.pop(name))
        self._record()

    def restart(self, name: str) -> None:
        """Kill one component where it still runs, start it on the same port and data, and wait until it is ready."""
        if name in self.running:
            self.kill(name)
        self._start_one(name, leashed=self.owned)
        self._record()

    def alive(self) -> dict[str, bool]:
        """Tell by component whether its process is there."""
        return {name: component.alive() for name, component in self.running.items()}

    def https(self) -> Https:
        """Give a small client that acts as the administrator."""
        return Https.of_kubeconfig(self.kubeconfig)

    @classmethod
    def _prepared(cls, state: Path, extra_arguments: Mapping[str, Sequence[str]]) -> Self:
        for name in ("certificates", "logs", "etcd"):
            shutil.rmtree(state / name, ignore_errors=True)
            (state / name).mkdir(parents=True, mode=0o700)
        ports = Ports(*free_ports(5))
        credentials = Credentials.create(state / "certificates")
        plane = cls(state, f"https://127.0.0.1:{ports.apiserver}", owned=True)
        plane._write_access(credentials)
        plane.commands = _commands(state, ports, credentials)
        for name, arguments in extra_arguments.items():
            plane.commands[name] += arguments
        return plane

    def _write_access(self, credentials: Credentials) -> None:
        tokens = f'{ADMIN_TOKEN},admin,admin,"system:masters"\n{POWERLESS_TOKEN},powerless,powerless\n'
        write_private(self.state / "tokens.csv", tokens)
        users = {
            "admin": {"token": ADMIN_TOKEN},
            "certificate": certificate_user(credentials.administrator),
            "powerless": {"token": POWERLESS_TOKEN},
        }
        write_private(self.kubeconfig, kubeconfig(self.server, self.certificate_authority, users))
        services: dict[str, KeyFiles] = {
            "kube-controller-manager": credentials.controller_manager,
            "kube-scheduler": credentials.scheduler,
        }
        for name, pair in services.items():
            text = kubeconfig(self.server, self.certificate_authority, {name: certificate_user(pair)})
            write_private(self.state / f"{name}.kubeconfig", text)
        configuration = components.scheduler_configuration(self.state / "kube-scheduler.kubeconfig")
        write_private(self.state / "scheduler.json", json.dumps(configuration))

    def _start_all(self, *, controllers: bool, scheduler: bool, leashed: bool) -> None:
        wanted = {"kube-controller-manager": controllers, "kube-scheduler": scheduler}
        names = ["etcd", "kube-apiserver", *(name for name, is_wanted in wanted.items() if is_wanted)]
        for name in names[:2]:
            self._start_one(name, leashed=leashed)
        for name in names[2:]:
            self._launch(name, leashed=leashed)
        for name in names[2:]:
            self._await_ready(name)
        self._await_default_service_account(made_by_controllers=controllers)
        self._record()

    def _start_one(self, name: str, *, leashed: bool) -> None:
        self._launch(name, leashed=leashed)
        self._await_ready(name)

    def _launch(self, name: str, *, leashed: bool) -> None:
        log = self.state / "logs" / f"{name}.log"
        self.running[name] = process.start(name, self.commands[name], log, leashed=leashed)

    def _await_ready(self, name: str) -> None:
        if name == "etcd":  # the API server itself waits for it
            return
        path = "/healthz" if name == "kube-controller-manager" else "/readyz"
        port = next(flag.partition("=")[2] for flag in self.commands[name] if flag.startswith("--secure-port="))
        admin = self.https()
        probe = Https(f"https://127.0.0.1:{port}", admin.context, admin.token)
        self._wait(lambda: probe.answers(path), name)

    def _await_default_service_account(self, *, made_by_controllers: bool) -> None:
        """Wait for it, or make it: no pod can be created in a namespace without one."""
        admin = self.https()
        if not made_by_controllers:
            self._wait(lambda: admin.answers("/api/v1/namespaces/default"), "kube-apiserver")
            admin.json(SERVICE_ACCOUNTS, body={"metadata": {"name": "default"}})
        self._wait(lambda: admin.answers(f"{SERVICE_ACCOUNTS}/default"), "kube-apiserver")

    def _wait(self, condition: Callable[[], bool], name: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not condition():
            dead = [component for component in self.running.values() if not component.alive()]
            if dead:
                raise ClusterError(f"{dead[0].name} ended while it started; {dead[0].log} ends:\n{dead[0].log_tail()}")
            if time.monotonic() > deadline:
                component = self.running[name]
                raise ClusterError(
                    f"{name} was not ready in {START_SECONDS:.0f} s; {component.log} ends:\n{component.log_tail()}"
                )
            time.sleep(POLL_SECONDS)

    def _record(self) -> None:
        """Write down what runs, so that `attach` and `down` find exactly these processes."""
        running = [asdict(component) for component in self.running.values()]
        document = {"server": self.server, "running": running, "commands": self.commands}
        write_private(self.state / "plane.json", json.dumps(document, indent=1))


def _commands(state: Path, ports: Ports, credentials: Credentials) -> dict[str, list[str]]:
    scheduler_access, manager_access = (
        state / f"kube-{name}.kubeconfig" for name in ("scheduler", "controller-manager")
    )
    return {
        "etcd": components.etcd(ports, state / "etcd"),
        "kube-apiserver": components.apiserver(ports, credentials, state / "tokens.csv"),
        "kube-controller-manager": components.controller_manager(ports, credentials, manager_access),
        "kube-scheduler": components.scheduler(ports, credentials, scheduler_access, state / "scheduler.json"),
    }


def free_ports(count: int) -> list[int]:
    """Choose ports that nobody listens at, all different, and none that was chosen before.

    They lie below those that a kernel gives to connections: components begin to listen seconds later, and until then
    some client's connection would be given one. Nor is one chosen meanwhile by another process: each begins elsewhere.
    """
    held: list[socket.socket] = []
    try:
        for port in itertools.islice(_own_ports, len(_PORTS)):
            with suppress(OSError):
                held.append(socket.create_server(("127.0.0.1", port)))
            if len(held) == count:
                return [each.getsockname()[1] for each in held]
        raise ClusterError(f"{count} free ports were not found from {_PORTS.start} to {_PORTS.stop}")
    finally:
        for each in held:
            each.close()
