"""Probing with curl, or with a shell and the tools of small images: the commands, and how what they say is read."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address

from kubewright.client.execute import Executed
from kubewright.probing.meanings import meaning
from kubewright.probing.report import FIRST_SERVER_ERROR, Layer
from kubewright.probing.target import ProbeTarget

NO_PROTOCOL = 1
"""curl's exit code where it was built without one that is needed."""
_TIMED_OUT = 28
_FORMAT = "%{time_namelookup} %{time_connect} %{time_appconnect} %{time_starttransfer} %{http_code} %{remote_ip}"
_FAILED: Mapping[int, str] = {5: "name", 6: "name", 7: "tcp", 35: "tls", 51: "tls", 52: "http", 56: "http", 60: "tls"}
_LAYERS = {"tcp": ("name", "tcp"), "http": ("name", "tcp", "http"), "https": ("name", "tcp", "tls", "http")}
_FIELDS = 6

SHELL = """
have() { command -v "$1" >/dev/null 2>&1; }
bad() { echo "$1 bad $(echo "$2" | tr '\\n' ' ')"; exit 0; }
case $1 in *[!0-9.:]*)
  if have getent; then a=$(getent hosts "$1" 2>&1) && echo "name ok $a" || bad name "Name or service not known"
  elif have nslookup; then a=$(nslookup "$1" 2>&1) && echo "name ok" || bad name "$a"
  fi;;
esac
if have nc; then e=$(nc -z -w "$5" "$1" "$2" 2>&1) && echo "tcp ok" || bad tcp "${e:-refused, or timed out}"
elif have bash && have timeout; then
  e=$(timeout "$5" bash -c '</dev/tcp/"$0"/"$1"' "$1" "$2" 2>&1) && echo "tcp ok" || bad tcp "${e:-timed out}"
fi
if [ "$3" != tcp ] && have wget; then
  e=$(wget -q -O /dev/null -T "$5" "$3://$1:$2$4" 2>&1) && echo "http ok" || bad http "$e"
fi
"""
"""Its arguments: host, port, scheme, path, seconds. A line for each layer that it has a tool for, until one fails."""


def curl_arguments(target: ProbeTarget, timeout_seconds: float) -> list[str]:
    """Return how curl is called."""
    by_telnet = target.scheme == "tcp"
    url = f"telnet{f'{target}'.removeprefix('tcp')}" if by_telnet else f"{target}"
    # A connection by telnet that stands would last for ever.
    longest = timeout_seconds if by_telnet else 3 * timeout_seconds
    limits = ["--connect-timeout", f"{timeout_seconds:g}", "--max-time", f"{longest:g}"]
    return ["-sS", "-o", "/dev/null", "-w", _FORMAT, *limits, url]


def by_curl(done: Executed, target: ProbeTarget) -> tuple[Layer, ...]:
    """Read what curl says: seconds from its start to when each layer stood, zero for one that never did."""
    fields = (done.stdout.split() + ["0"] * _FIELDS)[:_FIELDS]
    stood: dict[str, float] = {}
    for name, text in zip(("name", "tcp", "tls", "http"), fields, strict=False):
        stood[name] = float(text) if text.replace(".", "", 1).isdigit() else 0.0
    names = _LAYERS[target.scheme][1 if _is_address(target.host) else 0 :]
    failed, layers, before = _failed_layer(done.code or 0, names, stood), list[Layer](), 0.0
    for name in names:
        if name == failed:
            error = done.stderr.strip()
            return (*layers, Layer(name, ok=False, error=error, meaning=meaning(name, error)))
        detail = {"tcp": fields[5], "http": f"HTTP {fields[4]}"}.get(name, "")
        layers.append(Layer(name, ok=True, seconds=round(max(0.0, stood[name] - before), 6), detail=detail))
        before = stood[name]
    if names[-1] == "http" and fields[4].isdecimal() and int(fields[4]) >= FIRST_SERVER_ERROR:
        error = f"HTTP {fields[4]}"
        layers[-1] = Layer("http", ok=False, seconds=layers[-1].seconds, error=error, meaning=meaning("http", error))
    return tuple(layers)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _failed_layer(code: int, names: tuple[str, ...], stood: Mapping[str, float]) -> str:
    if code == 0:
        return ""
    if code == _TIMED_OUT:
        # By telnet a connection that stands until the time is over is what was asked for.
        return next((name for name in names if not stood[name]), "")
    return _FAILED.get(code, names[-1])


def by_shell(text: str) -> tuple[Layer, ...]:
    """Read what the shell says."""
    layers: list[Layer] = []
    for line in text.splitlines():
        name, _, rest = line.partition(" ")
        state, _, detail = rest.partition(" ")
        if state == "ok":
            layers.append(Layer(name, ok=True, detail=detail.strip()))
        elif state == "bad":
            layers.append(Layer(name, ok=False, error=detail.strip(), meaning=meaning(name, detail)))
    return tuple(layers)


def untried(layers: tuple[Layer, ...], target: ProbeTarget) -> tuple[str, ...]:
    """Return what nothing in the container could try, of all that was asked for."""
    wanted = "tcp" if target.scheme == "tcp" else "http"
    tried = {each.name for each in layers}
    return () if wanted in tried or any(not each.ok for each in layers) else (wanted,)
