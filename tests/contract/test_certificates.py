"""Certificate signing requests: asked for, approved, signed, and used to log in."""

import base64
import json
import ssl

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kubewright.client.kubeconfig import load
from tests.contract.asking import TABLE

ROOT = "/apis/certificates.k8s.io/v1"
CLIENT = "kubernetes.io/kube-apiserver-client"
KUBELET = "kubernetes.io/kube-apiserver-client-kubelet"
SERVING = "kubernetes.io/kubelet-serving"
USAGES = ["digital signature", "key encipherment", "client auth"]


def key_and_request(common, *organisations, names=()):
    key = ec.generate_private_key(ec.SECP256R1())
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, each) for each in organisations]
    subject = x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), False)
    request = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    return key, base64.b64encode(request).decode()


def signing_request(name, request, signer=CLIENT, usages=USAGES, **spec):
    return {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": name},
        "spec": {"request": request, "signerName": signer, "usages": usages, **spec},
    }


def condition(kind, status="True", **more):
    return {"type": kind, "status": status, "reason": "Test", "message": "by a case", **more}


@pytest.fixture
async def requests(api, namespace):
    collection = api.of("certificatesigningrequests", root=ROOT)
    yield collection
    for name in await collection.names():
        if name.startswith(namespace):
            await collection.delete(name)


async def decide(requests, name, *conditions, subresource="approval"):
    return await requests.merge(name, {"status": {"conditions": list(conditions)}}, subresource)


async def test_an_approved_request_is_signed_and_its_certificate_logs_in(cluster, requests, namespace):
    key, request = key_and_request("jane", "dev")
    made = (await requests.create(signing_request(namespace, request, expirationSeconds=3600))).ok()
    assert made["spec"]["username"]
    assert "system:masters" in made["spec"]["groups"]
    assert made["status"] == {}
    approved = (await decide(requests, namespace, condition("Approved"))).ok()
    [first] = approved["status"]["conditions"]
    assert first["lastUpdateTime"]
    assert first["lastTransitionTime"]
    signed = await requests.becomes(namespace, lambda each: each["status"].get("certificate"))
    pem = base64.b64decode(signed["status"]["certificate"])
    certificate = x509.load_pem_x509_certificate(pem)
    seconds = (certificate.not_valid_after_utc - certificate.not_valid_before_utc).total_seconds()
    assert seconds == 3600 + 300
    usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usages) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    answer = await who_am_i(cluster, key, pem)
    info = answer["status"]["userInfo"]
    assert info["username"] == "jane"
    assert set(info["groups"]) == {"dev", "system:authenticated"}


async def who_am_i(cluster, key, pem):
    config = load(str(cluster.kubeconfig))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (cluster.state / "jane.pem").write_bytes(pem + private)
    context = ssl.create_default_context(cadata=config.ca_pem.decode())
    context.load_cert_chain(cluster.state / "jane.pem")
    url = f"{config.server}/apis/authentication.k8s.io/v1/selfsubjectreviews"
    body = json.dumps({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"})
    headers = {"content-type": "application/json"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=body, headers=headers, ssl=context) as response,
    ):
        return await response.json()


async def test_a_kubelets_request_is_approved_by_itself(requests, namespace):
    _, request = key_and_request("system:node:n1", "system:nodes")
    (await requests.create(signing_request(namespace, request, KUBELET))).ok()
    signed = await requests.becomes(namespace, lambda each: each["status"].get("certificate"))
    [approved] = signed["status"]["conditions"]
    assert (approved["type"], approved["reason"]) == ("Approved", "AutoApproved")
    assert approved["message"] == "Auto approving kubelet client certificate after SubjectAccessReview."


FAILURES = {
    "a client of other uses": (
        CLIENT,
        key_and_request("jane")[1],
        ["server auth"],
        "invalid usage for client certificate: server auth",
    ),
    "a kubelet of no name": (
        SERVING,
        key_and_request("system:node:n1", "system:nodes")[1],
        ["digital signature", "server auth"],
        "DNS or IP subjectAltName is required",
    ),
    "a kubelet of another group": (
        SERVING,
        key_and_request("system:node:n1", "others", names=["n1"])[1],
        ["digital signature", "server auth"],
        "subject organization is not system:nodes",
    ),
}


@pytest.mark.parametrize("case", FAILURES)
async def test_a_request_that_its_signer_refuses_fails(requests, namespace, case):
    signer, request, usages, message = FAILURES[case]
    (await requests.create(signing_request(namespace, request, signer, usages))).ok()
    (await decide(requests, namespace, condition("Approved"))).ok()
    failed = await requests.becomes(namespace, lambda each: len(each["status"]["conditions"]) > 1)
    last = failed["status"]["conditions"][-1]
    assert (last["type"], last["status"], last["reason"], last["message"]) == (
        "Failed",
        "True",
        "SignerValidationFailure",
        message,
    )


async def test_another_signers_request_is_signed_by_whom_it_may_concern(requests, namespace):
    _, request = key_and_request("x")
    own = signing_request(namespace, request, "example.com/own", ["server auth"])
    (await requests.create(own)).ok()
    (await decide(requests, namespace, condition("Approved"))).ok()
    wrong = (await requests.merge(namespace, {"status": {"certificate": "eA=="}}, "status")).refused
    assert wrong.fields == {"status.certificate": "FieldValueInvalid"}
    certificate = base64.b64encode(self_signed()).decode()
    signed = (await requests.merge(namespace, {"status": {"certificate": certificate}}, "status")).ok()
    assert signed["status"]["certificate"] == certificate
    assert len(signed["status"]["conditions"]) == 1
    other = base64.b64encode(self_signed()).decode()
    changed = (await requests.merge(namespace, {"status": {"certificate": other}}, "status")).refused
    assert changed.causes[0][2] == "Forbidden: updates may not modify existing certificate content"


def self_signed():
    from tests.contract.webhook_server import Authority

    return Authority(1_800_000_000).certificate


async def test_only_the_approval_endpoint_decides(requests, namespace):
    _, request = key_and_request("x")
    made = (await requests.create(signing_request(namespace, request, "example.com/own"))).ok()
    refused = (await decide(requests, namespace, condition("Approved"), subresource="status")).refused
    assert refused.causes == (
        ("status.conditions", "FieldValueForbidden", 'Forbidden: updates may not add a condition of type "Approved"'),
    )
    ignored = (await requests.merge(namespace, {"status": {"conditions": [condition("Approved")]}})).ok()
    assert ignored["status"] == {}
    changed = (await requests.merge(namespace, {"spec": {"signerName": "example.com/other"}})).ok()
    assert changed["spec"] == made["spec"]
    certified = (await requests.merge(namespace, {"status": {"certificate": "eA=="}}, "approval")).ok()
    assert certified["status"] == {}


WRONG_CONDITIONS = {
    "both ways": (
        [condition("Approved"), condition("Denied")],
        (
            'status.conditions: Invalid value: "{'
            r'conditions[{\"type\": \"Approved\"}], conditions[{\"type\": \"Denied\"}]}": '
            'must specify at most one of: `conditions[{"type": "Approved"}]`, `conditions[{"type": "Denied"}]`'
        ),
    ),
    "not quite": (
        [condition("Approved", "False")],
        'status.conditions[0].status: Unsupported value: "False": supported values: "True"',
    ),
    "nothing": ([{"type": "", "status": ""}], "status.conditions[0].type: Required value"),
}


@pytest.mark.parametrize("case", WRONG_CONDITIONS)
async def test_conditions_that_are_wrong(requests, namespace, case):
    conditions, line = WRONG_CONDITIONS[case]
    _, request = key_and_request("x")
    (await requests.create(signing_request(namespace, request, "example.com/own"))).ok()
    refused = (await decide(requests, namespace, *conditions)).refused
    assert line in {f"{field}: {message}" for field, _, message in refused.causes}


async def test_a_decision_is_final(requests, namespace):
    _, request = key_and_request("x")
    (await requests.create(signing_request(namespace, request, "example.com/own"))).ok()
    (await decide(requests, namespace, condition("Denied"))).ok()
    refused = (await decide(requests, namespace)).refused
    assert refused.causes[0][2] == 'Forbidden: updates may not remove a condition of type "Denied"'


WRONG = {
    "no request": ({"request": "bm90IGEgcmVxdWVzdA=="}, "spec.request", "PEM block type must be CERTIFICATE REQUEST"),
    "no usages": ({"usages": []}, "spec.usages", "Required value"),
    "an unknown usage": ({"usages": ["tea"]}, "spec.usages[0]", 'Unsupported value: "tea"'),
    "a usage twice": ({"usages": ["any", "any"]}, "spec.usages[1]", 'Duplicate value: "any"'),
    "no signer": ({"signerName": ""}, "spec.signerName", "Required value"),
    "a signer without a path": (
        {"signerName": "example.com"},
        "spec.signerName",
        "must be a fully qualified domain and path of the form 'example.com/signer-name'",
    ),
    "a signer without a domain": (
        {"signerName": "example/x"},
        "spec.signerName",
        'Invalid value: "example": should be a domain with at least two segments separated by dots',
    ),
    "the old signer": (
        {"signerName": "kubernetes.io/legacy-unknown"},
        "spec.signerName",
        "the legacy signerName is not allowed via this API version",
    ),
    "too short": (
        {"expirationSeconds": 599},
        "spec.expirationSeconds",
        "Invalid value: 599: may not specify a duration less than 600 seconds (10 minutes)",
    ),
}


@pytest.mark.parametrize("case", WRONG)
async def test_a_request_that_is_wrong(requests, namespace, case):
    spec, field, told = WRONG[case]
    _, request = key_and_request("x")
    made = signing_request(namespace, request, "example.com/own")
    made["spec"] |= spec
    refused = (await requests.create(made, dryRun="All")).refused
    assert (refused.code, refused.reason) == (422, "Invalid")
    assert told in {at: message for at, _, message in refused.causes}[field]


async def test_nobody_asks_to_be_a_master(requests, namespace):
    _, request = key_and_request("x", "system:masters")
    refused = (await requests.create(signing_request(namespace, request), dryRun="All")).refused
    assert (refused.code, refused.reason) == (403, "Forbidden")
    assert refused.message == (
        f'certificatesigningrequests.certificates.k8s.io "{namespace}" is forbidden: '
        f"use of {CLIENT} signer with system:masters group is not allowed"
    )


async def test_requests_are_listed_with_what_became_of_them(api, requests, namespace):
    _, request = key_and_request("x")
    (await requests.create(signing_request(namespace, request, "example.com/own", expirationSeconds=86400))).ok()
    (await decide(requests, namespace, condition("Denied"))).ok()
    table = (await api.ask("GET", requests.path, accept=TABLE, fieldSelector="spec.signerName=example.com/own")).ok()
    [row] = [each["cells"] for each in table["rows"] if each["cells"][0] == namespace]
    assert row[2] == "example.com/own"
    assert row[4:] == ["24h", "Denied"]
