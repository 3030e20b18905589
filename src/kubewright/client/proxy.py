"""Which proxy leads to an API server: the kubeconfig's, else the environment's, unless NO_PROXY spares the server."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}


def proxy_for(server: str, environ: Mapping[str, str]) -> str:
    """Return the proxy that the environment names for `server`, or nothing; loopback never has one."""
    url = urlsplit(server)
    host = (url.hostname or "").rstrip(".")
    name = "HTTP_PROXY" if url.scheme == "http" else "HTTPS_PROXY"
    proxy = environ.get(name.lower(), "") or environ.get(name, "")
    exceptions = environ.get("no_proxy", "") or environ.get("NO_PROXY", "")
    if not proxy or _is_loopback(host) or _spared(host, url.port or _PORTS.get(url.scheme, 0), exceptions):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _spared(host: str, port: int, exceptions: str) -> bool:
    return any(_matches(host, port, each.strip().lower()) for each in exceptions.split(",") if each.strip())


def _matches(host: str, port: int, exception: str) -> bool:
    """Match one entry of NO_PROXY: `*`, a domain with its subdomains, an address or a network, with or without port."""
    if exception == "*":
        return True
    address = _address(host)
    if address is not None and "/" in exception:
        try:
            return address in ipaddress.ip_network(exception, strict=False)
        except ValueError:
            return False
    name, _, only_port = exception.rpartition(":")
    if name and only_port.isdigit() and ":" not in name.strip("[]"):
        if int(only_port) != port:
            return False
        exception = name
    exception = exception.removeprefix("*").strip("[]")
    domain = exception.removeprefix(".")
    return host == domain or (address is None and host.endswith(f".{domain}"))


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
