"""What the error of a layer points at, in a sentence. By the errors of Python, curl, and the tools of small images."""

from __future__ import annotations

import re

_MEANINGS: tuple[tuple[str, str, str], ...] = (
    (
        "name",
        r"name or service not known|nodename nor servname|no address associated|nxdomain|could not resolve|bad address",
        "the resolver knows no such name: it is misspelt, in another namespace (NAME.NAMESPACE.svc), or gone",
    ),
    ("name", r"temporary failure|timed? ?out|try again", "no DNS server answered: it is down, or port 53 is blocked"),
    (
        "tcp",
        r"refused",
        "the host is there and nothing listens on the port, or a Service has no endpoint, or something rejects it",
    ),
    (
        "tcp",
        r"timed? ?out|in progress",
        "nothing answers: a policy or a firewall drops it (`kubewright net can-reach` names it), or the host is gone",
    ),
    ("tcp", r"no route|unreachable", "there is no route to the address from here"),
    ("tls", r"expired", "the certificate has ended: renew it, and see why nobody did"),
    ("tls", r"not yet valid", "the certificate is not valid yet: the clock of one side is wrong"),
    ("tls", r"hostname mismatch|not valid for|doesn't match|no alternative", "the certificate is for other names"),
    (
        "tls",
        r"self.signed|unable to get|unknown ca|issuer",
        "the certificate is of an authority that is not trusted here",
    ),
    ("tls", r"wrong.version|record.layer|unknown protocol|http request", "the server does not speak TLS on this port"),
    (
        "tls",
        r"alert|handshake",
        "the server refused the handshake: it wants a client's certificate, or another version",
    ),
    (
        "tls",
        r"eof|reset|closed",
        "the connection was cut during the handshake: a proxy or mesh in between wants its own TLS",
    ),
    ("http", r"timed? ?out", "the connection stands and no answer comes: the application hangs or is overloaded"),
    ("http", r"\b503\b", "a proxy or the application has nobody to answer: no backend is ready"),
    ("http", r"\b50[24]\b", "a proxy in between did not get an answer from its backend"),
    ("http", r"\b5\d\d\b", "the application answers, with an error of its own"),
    (
        "http",
        r"reset|without an answer",
        "the connection was cut before an answer: the process died, or a proxy refuses",
    ),
    ("http", r"no http answer", "what listens there does not speak HTTP"),
)


def meaning(layer: str, error: str, code: int | None = None) -> str:
    """Return what an error points at; nothing where it is not known."""
    said = error if code is None else f"{error} ({code})"
    for where, pattern, words in _MEANINGS:
        if where == layer and re.search(pattern, said, re.IGNORECASE):
            return words
    return ""
