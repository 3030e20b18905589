"""The files of keys and certificates of one throw-away control plane. Called by `components` before it starts."""

import time
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from kubewright.runtime.certificates import KeyPair, SigningAuthority, private_pem

VALID_DAYS = 30
SERVING = (
    *("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"),
    *("127.0.0.1", "10.96.0.1"),
)


@dataclass(frozen=True, slots=True)
class KeyFiles:
    """Where a certificate and its private key are written."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority whose files, and those of what it signs, lie in `directory`."""

    directory: Path
    files: KeyFiles
    """Its own (kube-controller-manager signs requests with them)."""
    signing: SigningAuthority

    @classmethod
    def create(cls, directory: Path, name: str) -> "Authority":
        """Make a new authority and write its files."""
        signing = SigningAuthority(name, time.time(), valid_days=VALID_DAYS)
        return cls(directory, _write(directory, name, signing.pair), signing)

    def issue_client(self, file_name: str, user: str, groups: tuple[str, ...] = ()) -> KeyFiles:
        """Issue a certificate that Kubernetes reads as this user in these groups."""
        return _write(self.directory, file_name, self.signing.for_client(user, groups))

    def issue_serving(self, file_name: str) -> KeyFiles:
        """Issue a certificate for servers on loopback."""
        return _write(self.directory, file_name, self.signing.for_server(file_name, SERVING))


def write_signing_key(directory: Path, name: str) -> KeyFiles:
    """Write the key pair that signs and checks service account tokens; `certificate` is the bare public key."""
    key = ec.generate_private_key(ec.SECP256R1())
    files = KeyFiles(directory / f"{name}.pub", directory / f"{name}.key")
    _write_private(files.key, private_pem(key))
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    files.certificate.write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, form))
    return files


def _write(directory: Path, name: str, pair: KeyPair) -> KeyFiles:
    files = KeyFiles(directory / f"{name}.crt", directory / f"{name}.key")
    files.certificate.write_bytes(pair.certificate)
    _write_private(files.key, pair.key)
    return files


def _write_private(path: Path, key: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(key)
