"""The probe itself, of the standard library alone: it runs here in a thread, and in pods as `python3 -c SOURCE ARGS`.

It prints one JSON document: `layers`, each with `layer`, `ok`, `seconds`, `error` and `detail`; `addresses`; the peer's
certificate as base64 DER; what `ip` and `ss` say. What errors mean is for `meanings`, what is in the certificate for
`certificate`: neither is needed in a pod.
"""

from __future__ import annotations

import base64
import json
import shutil
import socket
import ssl
import subprocess
import sys
import time
from typing import Any

READ_BYTES = 65536
TOOL_SECONDS = 5
_CLOCK = time.perf_counter  # noqa: TID251  there is no loop in a pod


def probe(host: str, port: int, *, scheme: str, path: str, timeout: float, ca_pem: str = "") -> dict[str, Any]:
    """Try a target layer by layer until one fails; `scheme` is tcp, http or https; `timeout` is for each layer."""
    report: dict[str, Any] = {"layers": [], "addresses": [], "certificate": "", "tools": {}}
    addresses = _resolved(report, host, port)
    connection = _connected(report, addresses, port, timeout)
    if connection is None:
        return report
    try:
        report["tools"] = _tools(connection.getpeername()[0], port)
        stream = connection if scheme != "https" else _secured(report, connection, host, timeout, ca_pem)
        if stream is None:
            return report
        connection = stream
        if scheme != "tcp":
            _answered(report, connection, host, path)
        return report
    finally:
        connection.close()


def _layer(report: dict[str, Any], name: str, began: float, error: BaseException | None, detail: str) -> None:
    said = "" if error is None else f"{type(error).__name__}: {error}"
    code = getattr(error, "verify_code", None) or getattr(error, "errno", None)
    entry = {"layer": name, "ok": error is None, "seconds": round(_CLOCK() - began, 6), "error": said, "code": code}
    report["layers"].append(dict(entry, detail=detail))


def _resolved(report: dict[str, Any], host: str, port: int) -> list[tuple[int, str]]:
    began = _CLOCK()
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        _layer(report, "name", began, error, host)
        return []
    addresses = list(dict.fromkeys((int(each[0]), str(each[4][0])) for each in found))
    _layer(report, "name", began, None, ", ".join(each for _, each in addresses))
    return addresses


def _connected(
    report: dict[str, Any], addresses: list[tuple[int, str]], port: int, timeout: float
) -> socket.socket | None:
    """Try every address, and keep the first connection."""
    kept, first, started = None, None, _CLOCK()
    for family, address in addresses:
        began, tried = _CLOCK(), socket.socket(family, socket.SOCK_STREAM)
        tried.settimeout(timeout)
        try:
            tried.connect((address, port))
        except OSError as error:
            tried.close()
            first = first or error
            said = f"{type(error).__name__}: {error}"
            report["addresses"].append({"address": address, "ok": False, "seconds": _CLOCK() - began, "error": said})
            continue
        report["addresses"].append({"address": address, "ok": True, "seconds": _CLOCK() - began, "error": ""})
        if kept is None:
            kept = tried
            _layer(report, "tcp", began, None, address)
        else:
            tried.close()
    if kept is None and addresses:
        _layer(report, "tcp", started, first, ", ".join(each for _, each in addresses))
    return kept


def _secured(
    report: dict[str, Any], connection: socket.socket, host: str, timeout: float, ca_pem: str
) -> ssl.SSLSocket | None:
    """Make the connection a TLS one; where the certificate is no good, look at it on another connection."""
    began, address = _CLOCK(), connection.getpeername()[:2]
    trust = ssl.create_default_context(cadata=ca_pem or None)
    try:
        secured = trust.wrap_socket(connection, server_hostname=host)
    except (OSError, ValueError) as error:
        _layer(report, "tls", began, error, "")
        if isinstance(error, ssl.SSLCertVerificationError):
            report["certificate"] = _certificate(address, host, timeout)
        return None
    _layer(report, "tls", began, None, f"{secured.version()}, {(secured.cipher() or [''])[0]}")
    report["certificate"] = base64.b64encode(secured.getpeercert(binary_form=True) or b"").decode()
    return secured


def _certificate(address: tuple[str, int], host: str, timeout: float) -> str:
    anything = ssl.create_default_context()
    anything.check_hostname = False
    anything.verify_mode = ssl.CERT_NONE  # it is only looked at: nothing is sent
    try:
        with anything.wrap_socket(socket.create_connection(address, timeout), server_hostname=host) as seen:
            return base64.b64encode(seen.getpeercert(binary_form=True) or b"").decode()
    except (OSError, ValueError):
        return ""


def _answered(report: dict[str, Any], connection: socket.socket, host: str, path: str) -> None:
    began = _CLOCK()
    lines = f"GET {path} HTTP/1.1", f"Host: {host}", "User-Agent: kubewright-probe", "Accept: */*", "Connection: close"
    try:
        connection.sendall("\r\n".join((*lines, "", "")).encode("ascii", "replace"))
        answer = b""
        while b"\r\n" not in answer and len(answer) < READ_BYTES:
            piece = connection.recv(4096)
            if not piece:
                break
            answer += piece
    except OSError as error:
        _layer(report, "http", began, error, "")
        return
    line = answer.split(b"\r\n", 1)[0].decode("latin-1")
    if not line.startswith("HTTP/"):
        said = ValueError(f"no HTTP answer: {line[:80]!r}" if line else "the connection ended without an answer")
        _layer(report, "http", began, said, "")
        return
    _layer(report, "http", began, None, line[:200])


def _tools(address: str, port: int) -> dict[str, str]:
    """Return what `ip` and `ss` say of the way to an address, where they are there."""
    family = "-6" if ":" in address else "-4"
    asked = {"route": ["ip", family, "route", "get", address]}
    asked["sockets"] = ["ss", "-tniH", "dst", address, "dport", "=", str(port)]
    found: dict[str, str] = {}
    for name, command in asked.items():
        if shutil.which(command[0]) is None:
            continue
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TOOL_SECONDS, check=False)  # noqa: S603
        except (OSError, subprocess.SubprocessError):
            continue
        if done.returncode == 0:
            found[name] = done.stdout.strip()[:2000]
    return found


if __name__ == "__main__":
    _host, _port, _scheme, _path, _timeout = sys.argv[1:6]
    sys.stdout.write(json.dumps(probe(_host, int(_port), scheme=_scheme, path=_path, timeout=float(_timeout))))
