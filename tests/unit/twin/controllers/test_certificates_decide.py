"""What becomes of certificate signing requests."""

import base64

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kubewright.api.certificates import (
    CLIENT_SIGNER,
    KUBELET_CLIENT_SIGNER,
    CertificateSigningRequest,
    CertificateSigningRequestSpec,
    CertificateSigningRequestStatus,
    RequestCondition,
)
from kubewright.twin.controllers.certificates.decide import Approve, Fail, Sign, decide

KUBELET = ("digital signature", "client auth")


def encoded(common, *organisations):
    names = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, each) for each in organisations]
    subject = x509.Name([*names, x509.NameAttribute(NameOID.COMMON_NAME, common)])
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return base64.b64encode(request.public_bytes(serialization.Encoding.PEM)).decode()


NODE, PERSON = encoded("system:node:n1", "system:nodes"), encoded("jane", "dev")


def request(content, signer, usages, *conditions, username="", certificate=""):
    spec = CertificateSigningRequestSpec(request=content, signer_name=signer, usages=usages, username=username)
    states = tuple(RequestCondition(type=kind, status="True") for kind in conditions)
    return CertificateSigningRequest(
        spec=spec, status=CertificateSigningRequestStatus(conditions=states, certificate=certificate)
    )


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        pytest.param(request(PERSON, CLIENT_SIGNER, ("client auth",)), None, id="a person waits for approval"),
        pytest.param(request(PERSON, CLIENT_SIGNER, ("client auth",), "Approved"), Sign, id="approved is signed"),
        pytest.param(request(PERSON, CLIENT_SIGNER, ("client auth",), "Denied"), None, id="what is denied stays so"),
        pytest.param(
            request(PERSON, CLIENT_SIGNER, ("client auth",), "Approved", certificate="eA=="), None, id="signed once"
        ),
        pytest.param(request(PERSON, CLIENT_SIGNER, ("server auth",), "Approved"), Fail, id="a wrong use fails"),
        pytest.param(
            request(PERSON, CLIENT_SIGNER, ("server auth",), "Approved", "Failed"), None, id="and fails but once"
        ),
        pytest.param(request(PERSON, "example.com/own", ("any",), "Approved"), None, id="another signer's"),
        pytest.param(request(NODE, KUBELET_CLIENT_SIGNER, KUBELET), Approve, id="a kubelet's own"),
        pytest.param(request(PERSON, KUBELET_CLIENT_SIGNER, KUBELET), None, id="no kubelet's"),
    ],
)
def test_the_next_step(asked, kind):
    decision = decide(asked)
    assert decision is None if kind is None else isinstance(decision, kind)


def test_a_kubelet_that_renews_may_have_either_right():
    first = decide(request(NODE, KUBELET_CLIENT_SIGNER, KUBELET))
    again = decide(request(NODE, KUBELET_CLIENT_SIGNER, KUBELET, username="system:node:n1"))
    assert [name for name, _ in first.subresources] == ["nodeclient"]
    assert [name for name, _ in again.subresources] == ["selfnodeclient", "nodeclient"]
