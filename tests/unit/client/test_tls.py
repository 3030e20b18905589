"""TLS contexts: key material must not stay on the disk."""

from __future__ import annotations

import os
import ssl
import tempfile
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization as s

from kubewright.client.config import ClientCertificate
from kubewright.client.tls import tls_context
from kubewright.errors import OpError


@pytest.fixture
def temporary(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="this system has no files in memory")
def test_a_key_is_loaded_from_memory_where_the_system_can(authority: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "mkstemp", lambda: pytest.fail("a file was made"))
    mine = authority.issue(["ann"])
    assert tls_context(certificate=ClientCertificate(mine.cert_pem, mine.key_pem)).verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize("good", [True, False], ids=["a key that loads", "a key that does not load"])
def test_elsewhere_its_file_is_private_and_gone_at_once(
    authority: Any, temporary: Path, monkeypatch: pytest.MonkeyPatch, good: bool
) -> None:
    monkeypatch.delattr(os, "memfd_create", raising=False)
    modes: list[int] = []
    load = ssl.SSLContext.load_cert_chain

    def spy(self: ssl.SSLContext, path: str, **options: Any) -> None:
        modes.append(Path(path).stat().st_mode & 0o777)
        load(self, path, **options)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", spy)
    mine = authority.issue(["ann"])
    certificate = ClientCertificate(mine.cert_pem, mine.key_pem if good else b"nonsense")
    if good:
        tls_context(certificate=certificate)
    else:
        with pytest.raises(OpError, match="do not load"):
            tls_context(certificate=certificate)
    assert modes == [0o600]
    assert list(temporary.iterdir()) == []


def test_an_encrypted_key_is_refused_without_asking(authority: Any) -> None:
    mine = authority.issue(["ann"])
    key = mine.key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.BestAvailableEncryption(b"pw"))
    with pytest.raises(OpError, match="the key is encrypted"):
        tls_context(certificate=ClientCertificate(mine.cert_pem, key))
