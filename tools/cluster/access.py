"""Who may talk to the control plane: kubeconfig files, the token file, and a small HTTPS client for readiness.

Called by `plane` and by `tools.kinds`. Kubeconfig files are written as JSON, which is YAML too.
"""

import base64
import json
import ssl
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.cluster.certificates import KeyFiles

REQUEST_SECONDS = 10.0


def write_private(path: Path, text: str) -> Path:
    """Write a file that only its owner reads."""
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
    return path


def kubeconfig(server: str, authority: Path, users: dict[str, dict[str, str]]) -> str:
    """Give a kubeconfig's text with one context a user, named as the user; the first is the current one."""
    cluster = {"server": server, "certificate-authority-data": _encoded(authority)}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "control-plane", "cluster": cluster}],
        "users": [{"name": name, "user": user} for name, user in users.items()],
        "contexts": [{"name": name, "context": {"cluster": "control-plane", "user": name}} for name in users],
        "current-context": next(iter(users)),
    }
    return json.dumps(document, indent=2)


def certificate_user(pair: KeyFiles) -> dict[str, str]:
    """Give a kubeconfig's user who presents this certificate."""
    return {"client-certificate-data": _encoded(pair.certificate), "client-key-data": _encoded(pair.key)}


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


@dataclass(frozen=True, slots=True)
class Https:
    """Plain requests with a bearer token: enough to ask for readiness, discovery and schemas."""

    server: str
    context: ssl.SSLContext
    token: str

    @classmethod
    def of_kubeconfig(cls, path: Path) -> "Https":
        """Read the server, the authority and the current user's token of a kubeconfig that `up` wrote."""
        document = json.loads(path.read_text(encoding="utf-8"))
        cluster = document["clusters"][0]["cluster"]
        user = next(entry["user"] for entry in document["users"] if entry["name"] == document["current-context"])
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        return cls(cluster["server"], ssl.create_default_context(cadata=authority), user["token"])

    def text(self, path: str, *, accept: str = "application/json", body: object = None) -> str:
        """GET a path, or POST a JSON body to it, and give the answer; urllib's errors go through."""
        headers = {"Authorization": f"Bearer {self.token}", "Accept": accept, "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.server + path, data=data, headers=headers)  # noqa: S310  (always https)
        with urllib.request.urlopen(request, timeout=REQUEST_SECONDS, context=self.context) as answer:  # noqa: S310
            return answer.read().decode()

    def json(self, path: str, *, accept: str = "application/json", body: object = None) -> Any:
        """Give the answer's JSON document."""
        return json.loads(self.text(path, accept=accept, body=body))

    def answers(self, path: str) -> bool:
        """Tell whether a GET succeeds."""
        try:
            self.text(path)
        except OSError:  # URLError and HTTPError are both
            return False
        return True
