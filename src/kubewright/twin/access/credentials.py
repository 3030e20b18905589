"""The tokens and certificates that are accepted, and whose they are.

asgi.py authenticates with them, TokenReview answers from them. A ServiceAccount's token is a signed JWT that holds as
long as its account, and the object it is bound to, are the ones it was issued for; other tokens are looked up.
"""

from __future__ import annotations

import csv
import random
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography import x509
from cryptography.x509.oid import NameOID

from kubewright.api.meta import Manifest, ObjectKey
from kubewright.clock import Clock
from kubewright.errors import ErrorKind, OpError
from kubewright.store.versioned import VersionedStore
from kubewright.twin.access.signing import InvalidTokenError, Signer
from kubewright.twin.access.users import AUTHENTICATED, User, account_user
from kubewright.twin.reading import as_dict, as_list, text

ISSUER = "https://kubernetes.default.svc.cluster.local"
"""Who issues tokens, and whom they are for unless they say otherwise."""
_FEWEST_COLUMNS = 3


@dataclass(frozen=True, slots=True)
class BoundObject:
    """The object that a token dies with; without one only its account."""

    kind: str
    name: str
    uid: str

    @property
    def plural(self) -> str:
        """Return where it is stored."""
        return f"{self.kind.lower()}s"


@dataclass(frozen=True, slots=True)
class Reviewed:
    """Whose a token is and for whom, or why it is nobody's."""

    user: User | None
    audiences: tuple[str, ...] = ()
    problem: str = ""


@dataclass(slots=True)
class Credentials:
    """What proves who somebody is."""

    clock: Clock
    store: VersionedStore
    generator: random.Random
    _known: dict[str, User] = field(default_factory=dict[str, User])
    _signer: Signer = field(default_factory=Signer)

    def accept(self, token: str, user: User) -> None:
        """Accept a token for as long as the server runs."""
        self._known[token] = user

    def learn(self, other: Credentials) -> None:
        """Accept what another server accepts: for a fork of it."""
        self._known.update(other._known)
        self._signer = other._signer

    def user_of(self, token: str) -> User | None:
        """Return whose token this is; None when it is not, or no longer, somebody's."""
        return self.review(token).user

    def review(self, token: str, audiences: Sequence[str] = ()) -> Reviewed:
        """Return whose token this is for one of these audiences, by default the API server's own."""
        wanted = tuple(audiences) or (ISSUER,)
        known = self._known.get(token)
        if known is not None and ISSUER in wanted:
            return Reviewed(known, (ISSUER,))
        try:
            claims = self._signer.claims(token)
        except InvalidTokenError as error:
            return Reviewed(None, problem=_problem(str(error)))
        if claims is None or claims.get("iss") != ISSUER:
            return Reviewed(None, problem=_problem(""))
        return self._of_account(claims, wanted)

    def issue(
        self, account: ObjectKey, uid: str, audiences: list[str], expires_at: float, bound: BoundObject | None = None
    ) -> str:
        """Return a new token of a ServiceAccount."""
        now = int(self.clock.now())
        private: Manifest = {"namespace": account.namespace}
        if bound is not None:
            private[bound.kind.lower()] = {"name": bound.name, "uid": bound.uid}
        private["serviceaccount"] = {"name": account.name, "uid": uid}
        claims: Manifest = {
            "aud": audiences,
            "exp": int(expires_at),
            "iat": now,
            "iss": ISSUER,
            "jti": str(uuid.UUID(int=self.generator.getrandbits(128), version=4)),
            "kubernetes.io": private,
            "nbf": now,
            "sub": account_user(account).name,
        }
        return self._signer.sign(claims)

    def _of_account(self, claims: Manifest, wanted: tuple[str, ...]) -> Reviewed:
        meant = tuple(each for each in as_list(claims.get("aud")) if each in wanted)
        if not meant:
            detail = f"token audiences {_quoted(as_list(claims.get('aud')))} is invalid for the target audiences"
            return Reviewed(None, problem=_problem(f"{detail} {_quoted(wanted)}"))
        now = self.clock.now()
        if now >= claims.get("exp", 0):
            return Reviewed(None, problem=_problem("service account token has expired"))
        if now + 1 < claims.get("nbf", 0):
            return Reviewed(None, problem=_problem("service account token is not valid yet"))
        private = as_dict(claims.get("kubernetes.io"))
        problem = self._gone(private)
        if problem:
            return Reviewed(None, problem=_problem(problem))
        return Reviewed(_account_user(claims, private), meant)

    def _gone(self, private: Manifest) -> str:
        """Say which object that the token needs is gone, or another one by now."""
        namespace = text(private, "namespace")
        for name, plural in (("serviceaccount", "serviceaccounts"), ("pod", "pods"), ("secret", "secrets")):
            reference = as_dict(private.get(name))
            if not reference:
                continue
            record = self.store.get(("", plural), ObjectKey(namespace, text(reference, "name")))
            if record is None:
                return f'{plural} "{text(reference, "name")}" not found'
            if record.obj["metadata"]["uid"] != text(reference, "uid"):
                return (
                    "service account UID does not match claim" if name == "serviceaccount" else f"{name} was replaced"
                )
        return ""


def _account_user(claims: Manifest, private: Manifest) -> User:
    account = as_dict(private.get("serviceaccount"))
    extra = {"authentication.kubernetes.io/credential-id": (f"JTI={text(claims, 'jti')}",)}
    pod = as_dict(private.get("pod"))
    if pod:
        extra["authentication.kubernetes.io/pod-name"] = (text(pod, "name"),)
        extra["authentication.kubernetes.io/pod-uid"] = (text(pod, "uid"),)
    key = ObjectKey(text(private, "namespace"), text(account, "name"))
    return account_user(key, text(account, "uid"), extra)


def _problem(detail: str) -> str:
    return f"[invalid bearer token, {detail}]" if detail else "invalid bearer token"


def _quoted(texts: Iterable[str]) -> str:
    return "[" + " ".join(f'"{each}"' for each in texts) + "]"


def read_token_file(content: str, origin: str) -> dict[str, User]:
    """Read kube-apiserver's token file: `token,user,uid,"group1,group2"` a line; raises OpError."""
    users: dict[str, User] = {}
    for number, row in enumerate(csv.reader(content.splitlines(), skipinitialspace=True), start=1):
        if not row:
            continue
        if len(row) < _FEWEST_COLUMNS or not row[0] or not row[1]:
            detail = f"line {number}: a token, a user's name and a uid are needed"
            raise OpError("twin.token-file", ErrorKind.INVALID, origin, detail)
        groups = tuple(each for each in row[_FEWEST_COLUMNS].split(",") if each) if len(row) > _FEWEST_COLUMNS else ()
        users[row[0]] = User(row[1], row[2], (*groups, AUTHENTICATED))
    return users


@lru_cache(maxsize=1024)
def certificate_user(pem: str) -> User | None:
    """Return whom a verified client certificate names: its common name, in its organisations' groups."""
    subject = x509.load_pem_x509_certificate(pem.encode()).subject
    names = [str(each.value) for each in subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if not names or not names[0]:
        return None
    groups = tuple(str(each.value) for each in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME))
    return User(names[0], "", (*groups, AUTHENTICATED))
