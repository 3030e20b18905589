"""Kubeconfigs as users have them, and what is said of broken ones."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubewright.client import incluster
from kubewright.client.config import (
    Anonymous,
    Basic,
    ClientCertificate,
    ExecPlugin,
    Impersonation,
    Oidc,
    Token,
    TokenFile,
)
from kubewright.client.kubeconfig import contexts, load
from kubewright.client.proxy import proxy_for
from kubewright.errors import ErrorKind, OpError

EXEC_V1 = "client.authentication.k8s.io/v1"


def document(user: Any = None, cluster: Any = None, **more: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u", "namespace": "shop"}}],
        "clusters": [{"name": "k", "cluster": {"server": "https://k.example", **(cluster or {})}}],
        "users": [{"name": "u", "user": user or {}}],
        **more,
    }


def written(folder: Path, content: Any, name: str = "config") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return path


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


USERS = [
    ("nothing is anonymous", {}, Anonymous()),
    ("a token", {"token": "t"}, Token("t")),
    ("user name and password", {"username": "a", "password": "p"}, Basic("a", "p")),
    (
        "the oidc provider",
        {"auth-provider": {"name": "oidc", "config": {"idp-issuer-url": "https://i", "client-id": 7, "id-token": "x"}}},
        Oidc("https://i", "7", id_token="x"),
    ),
    (
        "an exec plugin",
        {
            "exec": {
                "apiVersion": EXEC_V1,
                "command": "login",
                "args": ["a"],
                "env": [{"name": "N", "value": "v"}],
                "interactiveMode": "Never",
                "installHint": "get it",
            }
        },
        ExecPlugin("login", EXEC_V1, ("a",), {"N": "v"}, "Never", "get it"),
    ),
]


@pytest.mark.parametrize(("user", "auth"), [u[1:] for u in USERS], ids=[u[0] for u in USERS])
def test_user(tmp_path: Path, user: Any, auth: Any) -> None:
    assert load(written(tmp_path, document(user)), environ={}).auth == auth


def test_a_context_gives_server_namespace_and_options(tmp_path: Path) -> None:
    cluster = {
        "tls-server-name": "n",
        "insecure-skip-tls-verify": True,
        "proxy-url": "http://p:1",
        "disable-compression": True,
        "certificate-authority-data": b64(b"CA"),
    }
    config = load(written(tmp_path, document(cluster=cluster)), environ={})
    assert (config.server, config.namespace, config.origin) == ("https://k.example", "shop", "context 'c'")
    assert (config.tls_server_name, config.insecure_skip_tls_verify, config.proxy_url) == ("n", True, "http://p:1")
    assert (config.compression, config.ca_pem) == (False, b"CA")


def test_paths_are_relative_to_the_files_folder(tmp_path: Path) -> None:
    for name in ("ca.pem", "cert.pem", "key.pem"):
        written(tmp_path, name.upper(), f"pki/{name}")
    user = {"client-certificate": "pki/cert.pem", "client-key": "pki/key.pem", "tokenFile": "pki/token"}
    config = load(written(tmp_path, document(user, {"certificate-authority": "pki/ca.pem"})), environ={})
    assert config.ca_pem == b"CA.PEM"
    assert config.certificate == ClientCertificate(b"CERT.PEM", b"KEY.PEM")
    assert config.auth == TokenFile(tmp_path / "pki" / "token")


def test_a_plugin_with_a_slash_is_relative_too_and_may_be_told_the_cluster(tmp_path: Path) -> None:
    plugin = {"apiVersion": EXEC_V1, "command": "./login", "interactiveMode": "Never", "provideClusterInfo": True}
    extension = {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "x"}}
    cluster = {"certificate-authority-data": b64(b"CA"), "extensions": [extension]}
    auth = load(written(tmp_path, document({"exec": plugin}, cluster)), environ={}).auth
    assert isinstance(auth, ExecPlugin)
    assert auth.command == str(tmp_path / "login")
    assert auth.cluster == {
        "server": "https://k.example",
        "certificate-authority-data": b64(b"CA"),
        "config": {"audience": "x"},
    }


def test_impersonation_is_read(tmp_path: Path) -> None:
    user = {"token": "t", "as": "ann", "as-uid": "1", "as-groups": ["g"], "as-user-extra": {"k": ["v"]}}
    config = load(written(tmp_path, document(user)), environ={})
    assert config.impersonation == Impersonation("ann", "1", ("g",), {"k": ("v",)})


def test_of_several_files_the_first_to_name_something_wins(tmp_path: Path) -> None:
    first = {"contexts": [{"name": "d", "context": {"cluster": "k"}}], "current-context": "d", "users": None}
    second = document({"token": "second"})
    third = document({"token": "third"}, {"server": "https://third.example"})
    paths = [written(tmp_path, each, f"{i}/config") for i, each in enumerate((first, second, third))]
    environ = {"KUBECONFIG": ":".join(str(path) for path in [*paths, tmp_path / "missing"])}
    assert load(environ=environ).origin == "context 'd'"
    assert load(environ=environ).server == "https://k.example"
    assert load(context="c", environ=environ).auth == Token("second")
    assert contexts(environ=environ) == ["c", "d"]


def test_without_kubeconfig_the_one_in_the_home_folder_is_read(tmp_path: Path) -> None:
    written(tmp_path, document({"token": "home"}), ".kube/config")
    assert load(environ={"HOME": str(tmp_path)}).auth == Token("home")


def test_in_a_pod_its_service_account_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, content in {"token": "t", "ca.crt": "CA", "namespace": "shop\n"}.items():
        written(tmp_path, content, name)
    environ = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "6443"}
    assert incluster.available(environ, tmp_path)
    assert not incluster.available({}, tmp_path)
    config = incluster.load(environ, tmp_path)
    assert (config.server, config.namespace, config.ca_pem) == ("https://[fd00::1]:6443", "shop", b"CA")
    assert config.auth == TokenFile(tmp_path / "token")


def test_secrets_do_not_show_in_a_configs_repr(tmp_path: Path) -> None:
    user = {"token": "SECRET", "client-certificate-data": b64(b"CERT"), "client-key-data": b64(b"SECRET")}
    assert "SECRET" not in repr(load(written(tmp_path, document(user)), environ={}))


BROKEN: list[tuple[str, Any, str]] = [
    ("YAML that is none names the line", "a: [\nb", "the file is not YAML: .* in line 2"),
    ("a wrong type names the place", {"clusters": [{"name": 1}]}, r"Expected `str`, got `int` - at `\$.clusters\[0\]"),
    ("no current-context lists the contexts", document(**{"current-context": ""}), r"--context \(there are: c\)"),
    ("a missing context", document(**{"current-context": "x"}), r"there is no context 'x'; .*there are: c"),
    ("a missing cluster", document(clusters=[]), "context 'c' names cluster 'k', which is not there"),
    ("a missing user", document(users=None), "context 'c' names user 'u', which is not there"),
    ("no server", document(cluster={"server": ""}), "cluster 'k' names no server"),
    ("a missing CA file", document(cluster={"certificate-authority": "no.pem"}), "CA file .*no.pem cannot be read"),
    ("data that is not base64", document({"client-key-data": "a"}), "client key data is not base64"),
    ("a certificate without key", document({"client-certificate-data": b64(b"x")}), "no client-key"),
    ("a provider of old", document({"auth-provider": {"name": "gcp"}}), "'gcp' is no longer supported"),
    ("oidc without issuer", document({"auth-provider": {"name": "oidc"}}), "needs idp-issuer-url and client-id"),
    ("an exec version of old", document({"exec": {"command": "x", "apiVersion": "v1alpha1"}}), "apiVersion 'v1alpha1'"),
    ("an exec without mode", document({"exec": {"command": "x", "apiVersion": EXEC_V1}}), "needs interactiveMode"),
    ("an exec without command", document({"exec": {"apiVersion": EXEC_V1}}), "names no command"),
    ("groups to act in without a user to act as", document({"as-groups": ["g"]}), "need `as`"),
    ("an empty file", "", "no current-context"),
]


@pytest.mark.parametrize(("content", "text"), [b[1:] for b in BROKEN], ids=[b[0] for b in BROKEN])
def test_broken(tmp_path: Path, content: Any, text: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(OpError, match=text) as caught:
        load(path, environ={})
    assert caught.value.kind is ErrorKind.INVALID
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


ABSENT = [
    ("a named file that is not there", "missing", {}, "cannot be read: no such file"),
    ("no kubeconfig at all", None, {}, "there is no kubeconfig; set KUBECONFIG"),
    (
        "a KUBECONFIG that leads nowhere",
        None,
        {"KUBECONFIG": "/nowhere/config"},
        "no file that KUBECONFIG names exists",
    ),
]


@pytest.mark.parametrize(("name", "environ", "text"), [a[1:] for a in ABSENT], ids=[a[0] for a in ABSENT])
def test_absent(tmp_path: Path, name: str | None, environ: dict[str, str], text: str) -> None:
    with pytest.raises(OpError, match=text):
        load(tmp_path / name if name else None, environ={"HOME": str(tmp_path), **environ})


PROXIES = [
    ("https goes by HTTPS_PROXY", "https://k.example", {"HTTPS_PROXY": "http://p:1"}, "http://p:1"),
    ("http goes by HTTP_PROXY", "http://k.example", {"http_proxy": "p:1"}, "http://p:1"),
    ("loopback never has one", "https://127.0.0.1:6443", {"HTTPS_PROXY": "http://p"}, ""),
    ("NO_PROXY names the host", "https://k.example", {"HTTPS_PROXY": "http://p", "NO_PROXY": "a, k.example"}, ""),
    ("NO_PROXY names its domain", "https://k.example", {"HTTPS_PROXY": "http://p", "NO_PROXY": ".example"}, ""),
    (
        "a name that merely ends so is another",
        "https://k.myexample",
        {"https_proxy": "http://p", "NO_PROXY": "example"},
        "http://p",
    ),
    ("NO_PROXY names its network", "https://10.1.2.3", {"HTTPS_PROXY": "http://p", "NO_PROXY": "10.0.0.0/8"}, ""),
    ("another network", "https://11.1.2.3", {"HTTPS_PROXY": "http://p", "NO_PROXY": "10.0.0.0/8"}, "http://p"),
    (
        "NO_PROXY names its port",
        "https://k.example:6443",
        {"HTTPS_PROXY": "http://p", "NO_PROXY": "k.example:6443"},
        "",
    ),
    ("another port", "https://k.example", {"HTTPS_PROXY": "http://p", "NO_PROXY": "k.example:6443"}, "http://p"),
    ("NO_PROXY spares all", "https://k.example", {"HTTPS_PROXY": "http://p", "NO_PROXY": "*"}, ""),
]


@pytest.mark.parametrize(("server", "environ", "proxy"), [p[1:] for p in PROXIES], ids=[p[0] for p in PROXIES])
def test_proxy(server: str, environ: dict[str, str], proxy: str) -> None:
    assert proxy_for(server, environ) == proxy


@pytest.mark.parametrize("server", ["https://k.example:bad", "https://k.example:99999", "https://[::1"])
def test_a_server_that_is_no_url_is_named(tmp_path, server):
    with pytest.raises(OpError, match="has a server that is no URL"):
        load(written(tmp_path, document(cluster={"server": server})))


def test_a_date_that_is_none_is_no_yaml(tmp_path):
    with pytest.raises(OpError, match="the file is not YAML: month must be in"):
        load(written(tmp_path, "current-context: 2024-13-45\n"))
