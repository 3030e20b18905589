"""Teams beside each other, as their own users: whatever reaches across is refused, whatever is theirs is not."""

import json
import time

import pytest
import yaml
from click.testing import CliRunner

from kubewright.cli.main import cli
from tests.contract.asking import PATIENCE_SECONDS, POLL_SECONDS
from tests.contract.conftest import service_on
from tests.contract.test_access import binding, people, rule  # noqa: F401  a fixture

OWN, OTHER = "iso-shops-prod", "iso-pay-prod"
MEMBERS = {"admin": "iso-ann", "editor": "iso-dev", "viewer": "iso-vic"}
GROUP = "rbac.authorization.k8s.io"
RBAC = f"/apis/{GROUP}/v1"
OURS = "/apis/kubewright.dev/v1alpha1"
ADMISSION = "/apis/admissionregistration.k8s.io/v1"
MERGE = "application/merge-patch+json"
REGISTRY = "registry.example.com/iso"
LISTED = {
    "/api/v1": "configmaps endpoints events limitranges persistentvolumeclaims pods podtemplates "
    "replicationcontrollers resourcequotas secrets serviceaccounts services",
    "/apis/apps/v1": "controllerrevisions daemonsets deployments replicasets statefulsets",
    "/apis/autoscaling/v2": "horizontalpodautoscalers",
    "/apis/batch/v1": "cronjobs jobs",
    "/apis/coordination.k8s.io/v1": "leases",
    "/apis/discovery.k8s.io/v1": "endpointslices",
    "/apis/networking.k8s.io/v1": "ingresses networkpolicies",
    "/apis/policy/v1": "poddisruptionbudgets",
    RBAC: "rolebindings roles",
    "/apis/resource.k8s.io/v1": "resourceclaims",
}


def team(name, **spec):
    roles = MEMBERS if name == "iso-shops" else {"admin": "iso-eve"}
    members = [{"name": who, "role": role} for role, who in roles.items()]
    quota = {"requests.cpu": "4", "pods": "20", "count/configmaps": "50"}
    limits = {"default": {"cpu": "200m", "memory": "64Mi"}, "defaultRequest": {"cpu": "100m", "memory": "64Mi"}}
    rails = {"registries": [REGISTRY], "highestPriority": 100, "serviceTypes": ["ClusterIP"]}
    whole = {
        "members": members,
        "environments": [{"name": "prod", "quota": quota, "limits": limits}],
        "queue": {"quotas": [{"resource": "cpu", "nominal": 4}]},
        "rails": rails,
        **spec,
    }
    head = {"apiVersion": "kubewright.dev/v1alpha1", "kind": "Team", "metadata": {"name": name}}
    return {**head, "spec": whole}


def pod(image=f"{REGISTRY}/app:1", container=None, **spec):
    safe = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    made = {"name": "main", "image": image, "securityContext": safe, **(container or {})}
    head = {"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "p-"}}
    return {**head, "spec": {"containers": [made], "terminationGracePeriodSeconds": 0, **spec}}


def named(name, **fields):
    return {"metadata": {"name": name}, **fields}


def at(namespace, plural, root="/api/v1", name=""):
    return f"{root}/namespaces/{namespace}/{plural}{'/' if name else ''}{name}"


def reading():
    """Whatever is in a namespace of another team."""
    for root, plurals in LISTED.items():
        for plural in plurals.split():
            yield f"list {plural} of another team", "GET", at(OTHER, plural, root), None
    yield "list secrets of the system", "GET", at("kube-system", "secrets"), None
    for plural in ("pods", "secrets", "configmaps"):
        yield f"list {plural} of everybody", "GET", f"/api/v1/{plural}", None
    yield "read a secret of another team", "GET", at(OTHER, "secrets", name="token"), None
    yield "read a log of another team", "GET", f"{at(OTHER, 'pods', name='p')}/log", None
    yield "read another team's namespace", "GET", f"/api/v1/namespaces/{OTHER}", None
    for plural in ("namespaces", "nodes", "persistentvolumes"):
        yield f"list {plural}", "GET", f"/api/v1/{plural}", None
    for path in (f"{OURS}/teams", f"{OURS}/teams/iso-pay", f"{OURS}/queues", f"{OURS}/queues/iso-pay"):
        yield f"read {path}", "GET", path, None


def acting():
    """What would change or use something of another team's."""
    inside = at(OTHER, "pods", name="p")
    yield "run a command in another team's pod", "POST", f"{inside}/exec", None
    yield "attach to another team's pod", "POST", f"{inside}/attach", None
    yield "forward a port of another team's pod", "POST", f"{inside}/portforward", None
    yield "reach another team's pod by proxy", "GET", f"{inside}/proxy/", None
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", **named("p")}
    yield "evict another team's pod", "POST", f"{inside}/eviction", eviction
    yield "debug another team's pod", "PATCH", f"{inside}/ephemeralcontainers", {"spec": {}}
    yield "delete another team's pod", "DELETE", inside, None
    yield "delete all of another team's pods", "DELETE", at(OTHER, "pods"), None
    yield "run a pod beside another team's", "POST", at(OTHER, "pods"), pod()
    yield "write another team's config", "POST", at(OTHER, "configmaps"), named("x")
    yield (
        "change another team's config",
        "PATCH",
        at(OTHER, "configmaps", name="kube-root-ca.crt"),
        {"data": {"a": "b"}},
    )
    scale = at(OTHER, "deployments", "/apis/apps/v1", "web") + "/scale"
    yield "scale another team's application", "PATCH", scale, {"spec": {"replicas": 0}}
    outside = {"spec": {"type": "ExternalName", "externalName": "evil.example.com"}}
    yield "redirect a service of another team", "POST", at(OTHER, "services"), {**named("s"), **outside}
    token = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    yield "take a token of another team", "POST", at(OTHER, "serviceaccounts", name="default") + "/token", token
    yield "let oneself in", "POST", at(OTHER, "rolebindings", RBAC), binding("in", "ClusterRole", "view", "iso-ann")
    yield (
        "let oneself in as system",
        "POST",
        at("kube-system", "rolebindings", RBAC),
        binding("in", "ClusterRole", "admin", "iso-ann"),
    )


def holding():
    """What would change what holds one's own team."""
    space = f"/api/v1/namespaces/{OWN}"
    for label in ("pod-security.kubernetes.io/enforce", "kubewright.dev/team", "kubewright.dev/queue"):
        yield f"label one's namespace with {label}", "PATCH", space, {"metadata": {"labels": {label: "privileged"}}}
    yield "delete one's namespace", "DELETE", space, None
    yield "make a namespace", "POST", "/api/v1/namespaces", named("iso-shops-more")
    for root, plural, name in (
        ("/api/v1", "resourcequotas", "kubewright-quota"),
        ("/api/v1", "limitranges", "kubewright-limits"),
        ("/apis/networking.k8s.io/v1", "networkpolicies", "kubewright-default-deny"),
    ):
        yield f"change {name}", "PATCH", at(OWN, plural, root, name), {"metadata": {"labels": {"a": "b"}}}
        yield f"delete {name}", "DELETE", at(OWN, plural, root, name), None
        yield f"make {plural} of one's own", "POST", at(OWN, plural, root), named("mine", spec={"podSelector": {}})
    for path in (
        f"{OURS}/teams/iso-shops",
        f"{OURS}/queues/iso-shops",
        f"{OURS}/teams/iso-pay",
        f"{OURS}/queues/iso-pay",
    ):
        yield f"change {path}", "PATCH", path, {"metadata": {"labels": {"a": "b"}}}
        yield f"delete {path}", "DELETE", path, None
    yield "make a team", "POST", f"{OURS}/teams", team("iso-mine")
    yield "change what a role may", "PATCH", f"{RBAC}/clusterroles/kubewright-team-viewer", {"rules": []}
    role = f"{RBAC}/clusterrolebindings"
    yield "be an administrator", "POST", role, binding("iso-me", "ClusterRole", "cluster-admin", "iso-ann")
    yield (
        "be one in one's namespace",
        "POST",
        at(OWN, "rolebindings", RBAC),
        binding("me", "ClusterRole", "cluster-admin", "iso-ann"),
    )
    for what, rules in (
        ("quotas", rule("patch", "resourcequotas")),
        ("network", rule("*", "networkpolicies", "networking.k8s.io")),
        ("others", rule("impersonate", "serviceaccounts")),
        ("more", rule("bind", "roles", GROUP)),
    ):
        yield f"make a role that may {what}", "POST", at(OWN, "roles", RBAC), named(f"r-{what}", rules=[rules])
    admin = named("kubernetes-admin", spec={"validations": [{"expression": "true"}]})
    yield "make an admission policy", "POST", f"{ADMISSION}/validatingadmissionpolicies", admin
    yield (
        "delete one's rails",
        "DELETE",
        f"{ADMISSION}/validatingadmissionpolicies/kubewright.team-iso-shops.pods",
        None,
    )
    yield "make a webhook", "POST", f"{ADMISSION}/mutatingwebhookconfigurations", named("iso", webhooks=[])


def reaching():
    """What belongs to the cluster, and pods that would get hold of their node."""
    yield "change a node", "PATCH", "/api/v1/nodes/node-01", {"spec": {"unschedulable": True}}
    yield "use a node's proxy", "GET", "/api/v1/nodes/node-01/proxy/metrics", None
    volume = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/"}}
    yield "make a volume", "POST", "/api/v1/persistentvolumes", named("iso", spec=volume)
    crd = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    yield "delete a definition", "DELETE", f"{crd}/teams.kubewright.dev", None
    yield "make a priority", "POST", "/apis/scheduling.k8s.io/v1/priorityclasses", named("iso-mine", value=1)
    yield "make a storage class", "POST", "/apis/storage.k8s.io/v1/storageclasses", named("iso", provisioner="x")
    signing = {"request": "", "signerName": "kubernetes.io/kube-apiserver-client", "usages": ["client auth"]}
    path = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
    yield "have a certificate signed", "POST", path, named("iso", spec=signing)
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": "x"}}
    yield "review tokens", "POST", "/apis/authentication.k8s.io/v1/tokenreviews", review
    bound = {"apiVersion": "v1", "kind": "Binding", **named("p"), "target": {"kind": "Node", "name": "node-01"}}
    yield "place a pod oneself", "POST", at(OWN, "pods", name="p") + "/binding", bound
    yield "forward by endpoints", "POST", at(OWN, "endpoints"), named("e")
    yield "pass network policies by a proxy", "GET", at(OWN, "services", name="s") + "/proxy/", None
    pods = at(OWN, "pods")
    yield "outrank everybody", "POST", pods, pod(priorityClassName="iso-high")
    yield "run an image from elsewhere", "POST", pods, pod("evil.example.com/app:1")
    yield "be privileged", "POST", pods, pod(container={"securityContext": {"privileged": True}})
    yield "mount the node", "POST", pods, pod(volumes=[{"name": "v", "hostPath": {"path": "/"}}])
    yield "be in the node's network", "POST", pods, pod(hostNetwork=True)
    yield "lead to another team by a name", "POST", at(OWN, "services"), OUTSIDE


OUTSIDE = {
    "apiVersion": "v1",
    "kind": "Service",
    **named("s", spec={"type": "ExternalName", "externalName": f"web.{OTHER}.svc.cluster.local"}),
}
ATTEMPTS = [*reading(), *acting(), *holding(), *reaching()]
DEPLOYMENT = named(
    "web",
    spec={
        "replicas": 1,
        "selector": {"matchLabels": {"a": "b"}},
        "template": {**pod(), "metadata": {"labels": {"a": "b"}}},
    },
)
CLAIM = named("data", spec={"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}})
TOKEN = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
LEGITIMATE = {
    "viewer": [
        *(
            ("GET", at(OWN, plural, root), None)
            for root, plurals in LISTED.items()
            for plural in plurals.split()
            if plural not in {"secrets", "leases", "podtemplates"}
        ),
        ("GET", f"/api/v1/namespaces/{OWN}", None),
        ("GET", f"{OURS}/teams/iso-shops", None),
        ("GET", f"{OURS}/queues/iso-shops", None),
    ],
    "editor": [
        ("POST", at(OWN, "configmaps"), named("c")),
        ("PATCH", at(OWN, "configmaps", name="c"), {"data": {"a": "b"}}),
        ("DELETE", at(OWN, "configmaps", name="c"), None),
        ("POST", at(OWN, "secrets"), named("s")),
        ("GET", at(OWN, "secrets", name="s"), None),
        ("DELETE", at(OWN, "secrets", name="s"), None),
        ("POST", at(OWN, "pods"), pod()),
        ("POST", at(OWN, "services"), named("web", spec={"ports": [{"port": 80}]})),
        ("DELETE", at(OWN, "services", name="web"), None),
        ("POST", at(OWN, "deployments", "/apis/apps/v1"), DEPLOYMENT),
        ("PATCH", at(OWN, "deployments", "/apis/apps/v1", "web") + "/scale", {"spec": {"replicas": 2}}),
        ("DELETE", at(OWN, "deployments", "/apis/apps/v1", "web"), None),
        ("POST", at(OWN, "persistentvolumeclaims"), CLAIM),
        ("DELETE", at(OWN, "persistentvolumeclaims", name="data"), None),
        ("POST", at(OWN, "serviceaccounts"), named("robot")),
        ("DELETE", at(OWN, "pods"), None),
    ],
    "admin": [
        ("POST", at(OWN, "roles", RBAC), named("less", rules=[rule("get", "pods")])),
        ("POST", at(OWN, "rolebindings", RBAC), binding("guest", "Role", "less", "guest")),
        ("DELETE", at(OWN, "rolebindings", RBAC, "guest"), None),
        ("DELETE", at(OWN, "roles", RBAC, "less"), None),
        ("POST", at(OWN, "serviceaccounts", name="default") + "/token", TOKEN),
    ],
}
NOT_FOR = {"editor": {"viewer"}, "admin": {"viewer", "editor"}}


@pytest.fixture(scope="module")
def teams(cluster):
    """Two teams beside each other, kept by the platform."""
    high = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", **named("iso-high", value=1000)}
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(high))
    with service_on(cluster, "run", "tenancy"):
        cluster.established("teams.kubewright.dev")
        for each in (team("iso-shops"), team("iso-pay")):
            cluster.kubectl("apply", "-f", "-", stdin=json.dumps(each))
        cluster.kubectl("wait", "--for=condition=Ready", "team/iso-shops", "team/iso-pay", "--timeout=180s")
        heeded(cluster)
        yield
        for name in ("iso-shops", "iso-pay"):
            note = "kubewright.dev/confirm-offboarding=delete"
            cluster.kubectl("annotate", "team", name, note)
            cluster.kubectl("delete", "team", name, "--timeout=180s")
    cluster.kubectl("delete", "priorityclass", "iso-high")


def heeded(cluster):
    """Wait until the server, which hears of each thing at a moment of its own, heeds all that holds a team."""
    trying = ("create", "--dry-run=server", "-f", "-")
    for name, member in ((OWN, MEMBERS["editor"]), (OTHER, "iso-eve")):
        acting = ("-n", name, "--as", member, *trying)
        cluster.until(lambda done: done.returncode == 0, *acting, stdin=json.dumps(pod()))
        for document, says in (
            (pod("evil.example.com/app:1"), "allowed by registries"),
            (pod(priorityClassName="iso-high"), "allowed by highestPriority"),
            (pod(hostNetwork=True), "violates PodSecurity"),
            (OUTSIDE, "allowed by serviceTypes"),
        ):
            stdin = json.dumps(document)
            cluster.until(lambda done, says=says: says in done.stderr, *acting, stdin=stdin)


@pytest.fixture
def ask(teams, people):  # noqa: F811
    """Ask as a member."""

    async def ask(who, method, path, body=None):
        api = people.acting(who)
        return await api.ask(method, path, body, content_type=MERGE if method == "PATCH" else "application/json")

    return ask


@pytest.mark.parametrize(
    ("method", "path", "body"), [pytest.param(*each[1:], id=each[0].replace("/", "_")) for each in ATTEMPTS]
)
async def test_what_reaches_across_is_refused_to_every_role(ask, method, path, body):
    for who in MEMBERS.values():
        answer = await ask(who, method, path, body)
        assert answer.status == 403, f"{who}: {answer.document}"


def test_attempts_are_many():
    assert len({path for _, _, path, _ in ATTEMPTS}) >= 80


@pytest.mark.parametrize("role", LEGITIMATE)
async def test_what_is_ones_own_is_allowed(ask, role):
    for method, path, body in LEGITIMATE[role]:
        for other in NOT_FOR.get(role, ()):
            answer = await ask(MEMBERS[other], method, path, body)
            assert answer.status == 403, f"{other}: {method} {path}: {answer.document}"
        answer = await ask(MEMBERS[role], method, path, body)
        assert answer.status < 300, f"{role}: {method} {path}: {answer.document}"


async def test_nobody_acts_as_somebody_else(teams, api, people):  # noqa: F811
    """A service account that is an admin of its team bears a token, and may not name somebody else with it."""
    members = [*team("iso-shops")["spec"]["members"]]
    members.append({"kind": "ServiceAccount", "name": "default", "namespace": OWN, "role": "admin"})
    found = api.of("teams", root=OURS)
    (await found.merge("iso-shops", {"spec": {"members": members}})).ok()
    path = at(OWN, "serviceaccounts", name="default") + "/token"
    token = (await api.ask("POST", path, TOKEN)).ok()["status"]["token"]
    for user in ("iso-eve", "iso-ann", f"system:serviceaccount:{OTHER}:default"):
        answer = await people.acting(user, of=token).ask("GET", at(OWN, "pods"))
        assert answer.status == 403
        assert "impersonate" in answer.refused.message
    assert (await people.bearing(token).ask("GET", at(OTHER, "pods"))).status == 403


def command(cluster, *arguments, config=None, code=0):
    where = ("--kubeconfig", str(config or cluster.kubeconfig))
    done = CliRunner().invoke(cli, ["team", *arguments, *where], standalone_mode=False)
    done_code = done.return_value if isinstance(done.return_value, int) else done.exit_code
    assert done_code == code, f"{arguments}: {done.output}"
    return done.output


@pytest.fixture
def as_member(cluster, tmp_path):
    """A kubeconfig that acts as somebody."""

    def as_member(user):
        document = yaml.safe_load(cluster.kubeconfig.read_text(encoding="utf-8"))
        used = next(each for each in document["contexts"] if each["name"] == document["current-context"])
        who = next(each for each in document["users"] if each["name"] == used["context"]["user"])
        who["user"]["as"] = user
        path = tmp_path / user
        path.write_text(yaml.safe_dump(document), encoding="utf-8")
        return path

    return as_member


def test_a_namespaces_own_quota_is_of_one_that_its_environment_names(cluster, teams):
    asked = {"name": "dev", "namespaces": ["iso-a", "iso-b"], "quota": {"pods": "3"}}
    for place, refused in (("iso-b", False), ("iso-c", True)):
        wanted = team("iso-two")
        wanted["spec"]["environments"] = [{**asked, "namespaceQuotas": [{"namespace": place, "quota": {"pods": "1"}}]}]
        told = cluster.kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(wanted), check=False)
        assert bool(told.returncode) == refused, told.stderr
        assert ("one of the namespaces that the environment names" in told.stderr) == refused


def test_a_team_comes_lets_somebody_in_and_goes_by_commands(cluster, teams, as_member):
    options = ("--members", "iso-bob=admin", "--members", "group:iso-g", "--env", "prod", "--quota", "prod:pods=3")
    said = command(cluster, "create", "iso-cli", *options)
    assert "1 namespaces, 2 members" in said
    assert "iso-cli-prod" in said
    assert json.loads(command(cluster, "get", "iso-cli", "-o", "json"))["spec"]["environments"][0]["quota"] == {
        "pods": "3"
    }
    bob = as_member("iso-bob")
    for what in ("team/iso-cli", "namespace/iso-cli-prod"):
        cluster.until(lambda done: "yes" in done.stdout, "auth", "can-i", "get", what, "--as", "iso-bob")
    assert [row.split()[0] for row in command(cluster, "list", config=bob).splitlines()] == ["TEAM", "iso-cli"]
    seen = json.loads(command(cluster, "namespaces", "-o", "json", config=bob))
    assert [(each["namespace"], each["team"], each["environment"]) for each in seen] == [
        ("iso-cli-prod", "iso-cli", "prod")
    ]
    command(cluster, "break-glass", "iso-cli", "--user", "iso-sre", "--for", "1h", "--reason", "outage 7")
    deadline = time.monotonic() + PATIENCE_SECONDS
    allowed = ("auth", "can-i", "create", "pods", "-n", "iso-cli-prod", "--as", "iso-sre")
    while cluster.kubectl(*allowed, check=False).stdout.strip() != "yes":
        assert time.monotonic() < deadline, command(cluster, "describe", "iso-cli")
        time.sleep(POLL_SECONDS)
    # The rights are given first, then told of.
    while "iso-sre: outage 7" not in (told := command(cluster, "describe", "iso-cli")):
        assert time.monotonic() < deadline, told
        time.sleep(POLL_SECONDS)
    command(cluster, "break-glass", "iso-cli", "--user", "iso-sre", "--end")
    while cluster.kubectl(*allowed, check=False).stdout.strip() != "no":
        assert time.monotonic() < deadline, command(cluster, "describe", "iso-cli")
        time.sleep(POLL_SECONDS)
    plan = command(cluster, "offboard", "iso-cli")
    assert "namespace iso-cli-prod is lost" in plan
    assert "nothing was written" in plan
    assert cluster.kubectl("get", "namespace", "iso-cli-prod").returncode == 0
    assert "iso-cli is gone" in command(cluster, "offboard", "iso-cli", "--confirm")
    assert cluster.kubectl("get", "namespace", "iso-cli-prod", check=False).returncode == 1


def test_a_team_that_cannot_be_is_told_by_the_command(cluster, teams):
    said = command(cluster, "create", "iso-lost", "--parent", "iso-nobody", "--env", "prod", code=1)
    assert "there is no team iso-nobody" in said
    command(cluster, "offboard", "iso-lost", "--confirm")
