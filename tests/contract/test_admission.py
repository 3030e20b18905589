"""What the built-in admission plugins complete, refuse and warn of."""

import os

import pytest

from tests.contract.asking import eventually, invalid
from tests.contract.manifests import config_map, deployment, pod, service

SECURITY = "pod-security.kubernetes.io/"
GOOD = {
    "allowPrivilegeEscalation": False,
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
    "capabilities": {"drop": ["ALL"]},
}
RESTRICTED = (
    'allowPrivilegeEscalation != false (container "main" must set securityContext.allowPrivilegeEscalation=false), '
    'unrestricted capabilities (container "main" must set securityContext.capabilities.drop=["ALL"]), '
    'runAsNonRoot != true (pod or container "main" must set securityContext.runAsNonRoot=true), '
    'seccompProfile (pod or container "main" must set securityContext.seccompProfile.type to "RuntimeDefault" or '
    '"Localhost")'
)


def container(name="main", requests=None, limits=None, **fields):
    parts = {"requests": requests, "limits": limits}
    resources = {part: amounts for part, amounts in parts.items() if amounts}
    return {"name": name, "image": "nginx:1", **({"resources": resources} if resources else {}), **fields}


def limit_range(*limits):
    return {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "range"}, "spec": {"limits": list(limits)}}


def quota(hard, name="quota", **spec):
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": name}, "spec": {"hard": hard, **spec}}


def claim(size):
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, "storageClassName": ""}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "claim"}, "spec": spec}


@pytest.fixture
def core(api, namespace):
    """Give a core kind's collection in the case's namespace."""
    return lambda plural: api.of(plural, namespace, root="/api/v1")


@pytest.fixture
def limited(core):
    """Make a LimitRange that the server heeds when the call returns."""

    async def limited(*limits):
        (await core("limitranges").create(limit_range(*limits))).ok()

    return limited


@pytest.fixture
def quotas(core):
    """Make a quota that is counted, and that the server's admission heeds, when the call returns."""

    async def counted(made):
        (await core("resourcequotas").create(made)).ok()
        hard = made["spec"]["hard"]
        await core("resourcequotas").becomes(
            made["metadata"]["name"], lambda each: each["status"].get("used", {}).keys() == hard.keys()
        )

    async def quotas(hard, **spec):
        await counted(quota(hard, **spec))
        # Admission learns of quotas in their order: once it heeds a later one, it heeds the case's.
        await counted(quota({"count/secrets": "0"}, name="later"))
        await core("secrets").refuses({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}})
        (await core("resourcequotas").delete("later")).ok()

    return quotas


async def used(core, name="quota"):
    return (await core("resourcequotas").get(name)).ok()["status"]["used"]


async def test_a_container_gets_the_defaults_of_its_namespace(core, limited):
    await limited(
        {"type": "Container", "default": {"cpu": "500m", "memory": "256Mi"}, "defaultRequest": {"cpu": "100m"}}
    )
    made = await core("pods").takes(pod("a"), lambda made: "annotations" in made["metadata"])
    assert made["spec"]["containers"][0]["resources"] == {
        "limits": {"cpu": "500m", "memory": "256Mi"},
        "requests": {"cpu": "100m", "memory": "256Mi"},
    }
    assert made["metadata"]["annotations"] == {
        "kubernetes.io/limit-ranger": "LimitRanger plugin set: cpu, memory request for container main; cpu, memory "
        "limit for container main"
    }


@pytest.mark.parametrize(
    ("limit", "own", "message"),
    [
        pytest.param(
            {"type": "Container", "max": {"cpu": "1"}},
            [container(limits={"cpu": "2"})],
            "maximum cpu usage per Container is 1, but limit is 2",
            id="more than a container may have",
        ),
        pytest.param(
            {"type": "Container", "min": {"cpu": "50m"}},
            [container(requests={"cpu": "10m"})],
            "minimum cpu usage per Container is 50m, but request is 10m",
            id="less than a container must have",
        ),
        pytest.param(
            {"type": "Container", "maxLimitRequestRatio": {"cpu": "5"}},
            [container(requests={"cpu": "300m"}, limits={"cpu": "2"})],
            "cpu max limit to request ratio per Container is 5, but provided ratio is 6.666667",
            id="a limit far above its request",
        ),
        pytest.param(
            {"type": "Container", "maxLimitRequestRatio": {"cpu": "5"}},
            [container()],
            "cpu max limit to request ratio per Container is 5, but no request is specified or request is 0",
            id="no request where a ratio is limited",
        ),
        pytest.param(
            {"type": "Pod", "max": {"memory": "1Gi"}},
            [container(limits={"memory": "600Mi"}), container("other", limits={"memory": "600Mi"})],
            "maximum memory usage per Pod is 1Gi, but limit is 1200Mi",
            id="more than a pod may have in all",
        ),
        pytest.param(
            {"type": "Pod", "min": {"cpu": "200m"}},
            [container()],
            "minimum cpu usage per Pod is 200m.  No request is specified",
            id="no request where a pod needs one",
        ),
    ],
)
async def test_a_pod_outside_a_range_is_refused(core, limited, limit, own, message):
    await limited(limit)
    refused = await core("pods").refuses(pod("a", containers=own))
    assert (refused.code, refused.message) == (403, f'pods "a" is forbidden: {message}')


async def test_a_claim_outside_a_range_is_refused(core, limited):
    await limited({"type": "PersistentVolumeClaim", "max": {"storage": "10Gi"}})
    refused = await core("persistentvolumeclaims").refuses(claim("20Gi"))
    assert refused.message == (
        'persistentvolumeclaims "claim" is forbidden: maximum storage usage per PersistentVolumeClaim is 10Gi, '
        "but request is 20Gi"
    )


async def test_a_range_is_completed(core):
    limit = {"type": "Container", "min": {"cpu": "50m"}, "max": {"memory": "1Gi"}}
    made = (await core("limitranges").create(limit_range(limit))).ok()
    assert made["spec"]["limits"] == [
        {**limit, "default": {"memory": "1Gi"}, "defaultRequest": {"cpu": "50m", "memory": "1Gi"}}
    ]


async def test_a_range_that_contradicts_itself_is_refused(core):
    limits = limit_range({"type": "Pod", "min": {"cpu": "2"}, "max": {"cpu": "1"}})
    refused = (await core("limitranges").create(limits)).refused
    line = 'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1'
    assert refused == invalid('LimitRange "range"', line)


async def test_pods_are_counted_and_no_more_let_in_than_the_quota_says(core, quotas):
    await quotas({"pods": "1"})
    (await core("pods").create(pod("a"))).ok()
    assert await used(core) == {"pods": "1"}
    refused = (await core("pods").create(pod("b"))).refused
    assert refused.message == (
        'pods "b" is forbidden: exceeded quota: quota, requested: pods=1, used: pods=1, limited: pods=1'
    )
    assert await used(core) == {"pods": "1"}


async def test_what_goes_is_free_again(core, quotas):
    await quotas({"configmaps": "5", "count/configmaps": "5"})
    before = await used(core)
    (await core("configmaps").create(config_map("a"))).ok()
    assert await used(core) == {name: str(int(count) + 1) for name, count in before.items()}
    (await core("configmaps").delete("a")).ok()
    # Counted anew, with what was not yet known of when the quota was made: the certificate, which each namespace has.
    left = dict.fromkeys(before, "1")
    await core("resourcequotas").becomes("quota", lambda each: each["status"]["used"] == left)


async def test_a_dry_run_is_counted_but_not_charged(core, quotas):
    await quotas({"pods": "1"})
    (await core("pods").create(pod("a"), dryRun="All")).ok()
    assert await used(core) == {"pods": "0"}


async def test_amounts_are_added_up(core, quotas):
    await quotas({"requests.cpu": "1", "limits.memory": "1Gi", "requests.example.com/gpu": "1"})
    own = [container(requests={"cpu": "600m"}, limits={"memory": "600Mi"})]
    (await core("pods").create(pod("a", containers=own))).ok()
    assert await used(core) == {"requests.cpu": "600m", "limits.memory": "600Mi", "requests.example.com/gpu": "0"}
    refused = (await core("pods").create(pod("b", containers=own))).refused
    assert refused.message == (
        'pods "b" is forbidden: exceeded quota: quota, requested: limits.memory=600Mi,requests.cpu=600m, '
        "used: limits.memory=600Mi,requests.cpu=600m, limited: limits.memory=1Gi,requests.cpu=1"
    )


async def test_a_pod_must_say_what_it_needs_of_what_is_limited(core, quotas):
    await quotas({"requests.cpu": "1", "limits.memory": "1Gi"})
    own = [container(), container("other", requests={"cpu": "100m"})]
    refused = (await core("pods").create(pod("a", containers=own))).refused
    assert refused.message == (
        'pods "a" is forbidden: failed quota: quota: must specify limits.memory for: main,other; requests.cpu for: main'
    )


async def test_objects_of_a_group_are_counted(api, core, namespace, quotas):
    await quotas({"count/deployments.apps": "1"})
    deployments = api.of("deployments", namespace)
    (await deployments.create(deployment("a", 0))).ok()
    refused = (await deployments.create(deployment("b", 0))).refused
    assert refused.message == (
        'deployments.apps "b" is forbidden: exceeded quota: quota, requested: count/deployments.apps=1, '
        "used: count/deployments.apps=1, limited: count/deployments.apps=1"
    )
    assert await used(core) == {"count/deployments.apps": "1"}


async def test_a_service_that_becomes_dearer_is_charged(core, quotas):
    await quotas({"services": "5", "services.nodeports": "0"})
    (await core("services").create(service("a"))).ok()
    refused = (await core("services").merge("a", {"spec": {"type": "NodePort"}})).refused
    assert refused.message == (
        'services "a" is forbidden: exceeded quota: quota, requested: services.nodeports=1, used: services.nodeports=0,'
        " limited: services.nodeports=0"
    )


async def test_storage_is_added_up(core, quotas):
    await quotas({"requests.storage": "5Gi", "persistentvolumeclaims": "2"})
    refused = (await core("persistentvolumeclaims").create(claim("6Gi"))).refused
    assert refused.message == (
        'persistentvolumeclaims "claim" is forbidden: exceeded quota: quota, requested: requests.storage=6Gi, '
        "used: requests.storage=0, limited: requests.storage=5Gi"
    )


@pytest.mark.parametrize(
    ("spec", "counted", "free"),
    [
        pytest.param(
            {"scopes": ["BestEffort"]},
            pod("a"),
            pod("b", containers=[container(requests={"cpu": "1m"})]),
            id="pods that request nothing",
        ),
        pytest.param(
            {"scopes": ["Terminating"]}, pod("a", activeDeadlineSeconds=100), pod("b"), id="pods with a deadline"
        ),
        pytest.param(
            {
                "scopeSelector": {
                    "matchExpressions": [
                        {"scopeName": "PriorityClass", "operator": "In", "values": ["system-node-critical"]}
                    ]
                }
            },
            pod("a", priorityClassName="system-node-critical"),
            pod("b"),
            id="pods of a priority class",
        ),
    ],
)
async def test_a_quota_counts_only_pods_in_its_scope(core, quotas, spec, counted, free):
    await quotas({"pods": "0"}, **spec)
    (await core("pods").create(free, dryRun="All")).ok()
    refused = (await core("pods").create(counted, dryRun="All")).refused
    assert refused.message.endswith("exceeded quota: quota, requested: pods=1, used: pods=0, limited: pods=0")


@pytest.mark.parametrize(
    ("document", "line"),
    [
        pytest.param(
            quota({"pods": "1"}, scopes=["BestEffort", "NotBestEffort"]),
            'spec.scopes: Invalid value: ["BestEffort","NotBestEffort"]: conflicting scopes',
            id="scopes that exclude each other",
        ),
        pytest.param(
            quota({"configmaps": "1"}, scopes=["Terminating"]),
            'spec.scopes: Invalid value: ["Terminating"]: unsupported scope applied to resource',
            id="a scope of pods on config maps",
        ),
        pytest.param(
            quota({"pods": "1500m"}), 'spec.hard[pods]: Invalid value: "1500m": must be an integer', id="half a pod"
        ),
    ],
)
async def test_a_quota_that_makes_no_sense_is_refused(core, document, line):
    assert (await core("resourcequotas").create(document)).refused == invalid('ResourceQuota "quota"', line)


async def label(api, namespace, **labels):
    changes = {"metadata": {"labels": {f"{SECURITY}{name.replace('_', '-')}": each for name, each in labels.items()}}}
    return await api.of("namespaces").merge(namespace, changes)


async def test_a_restricted_namespace_refuses_a_plain_pod(api, core, namespace):
    (await label(api, namespace, enforce="restricted")).ok()
    refused = await core("pods").refuses(pod("a"))
    assert refused.message == f'pods "a" is forbidden: violates PodSecurity "restricted:latest": {RESTRICTED}'
    (await core("pods").create(pod("a", containers=[container(securityContext=GOOD)]), dryRun="All")).ok()


async def test_an_old_version_of_a_level_has_its_own_checks(api, core, namespace):
    (await label(api, namespace, enforce="restricted", enforce_version="v1.18")).ok()
    refused = await core("pods").refuses(pod("a"))
    assert refused.message == (
        'pods "a" is forbidden: violates PodSecurity "restricted:v1.18": allowPrivilegeEscalation != false (container '
        '"main" must set securityContext.allowPrivilegeEscalation=false), runAsNonRoot != true (pod or container '
        '"main" must set securityContext.runAsNonRoot=true)'
    )


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        pytest.param(
            pod("a", hostNetwork=True, hostPID=True),
            "host namespaces (hostNetwork=true, hostPID=true)",
            id="namespaces of the node",
        ),
        pytest.param(
            pod("a", containers=[container(securityContext={"privileged": True})]),
            'privileged (container "main" must not set securityContext.privileged=true)',
            id="a privileged container",
        ),
        pytest.param(
            pod("a", containers=[container(securityContext={"capabilities": {"add": ["NET_ADMIN", "CHOWN"]}})]),
            'non-default capabilities (container "main" must not include "NET_ADMIN" in '
            "securityContext.capabilities.add)",
            id="a capability that containers do not have",
        ),
        pytest.param(
            pod("a", volumes=[{"name": "v", "hostPath": {"path": "/"}}, {"name": "w", "hostPath": {"path": "/"}}]),
            'hostPath volumes (volumes "v", "w")',
            id="files of the node",
        ),
        pytest.param(
            pod("a", containers=[container(ports=[{"containerPort": 80, "hostPort": 80}])]),
            'hostPort (container "main" uses hostPort 80)',
            id="a port of the node",
        ),
        pytest.param(
            pod("a", securityContext={"seLinuxOptions": {"type": "x", "user": "u"}}),
            'seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "x"; user may not be set)',
            id="another SELinux type",
        ),
    ],
)
async def test_a_baseline_namespace_refuses(api, core, namespace, document, problem):
    (await label(api, namespace, enforce="baseline")).ok()
    refused = await core("pods").refuses(document)
    assert refused.message == f'pods "a" is forbidden: violates PodSecurity "baseline:latest": {problem}'


async def test_a_workload_is_warned_of_what_its_pods_may_not(api, namespace):
    (await label(api, namespace, enforce="restricted")).ok()

    async def warned():
        answer = await api.of("deployments", namespace).create(deployment("a", 0), dryRun="All")
        answer.ok()
        return answer.warnings

    assert await eventually(warned) == [f'would violate PodSecurity "restricted:latest": {RESTRICTED}']


async def test_a_level_that_does_not_exist_is_refused(api, namespace):
    refused = (await label(api, namespace, enforce="strict")).refused
    line = (
        f'metadata.labels[{SECURITY}enforce]: Invalid value: "strict": must be one of privileged, baseline, restricted'
    )
    assert refused == invalid(f'Namespace "{namespace}"', line)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        pytest.param({"priorityClassName": "nope"}, "no PriorityClass with name nope was found", id="an unknown class"),
        pytest.param(
            {"priority": 5},
            "the integer value of priority (5) must not be provided in pod spec; priority admission controller "
            "computed 0 from the given PriorityClass name",
            id="a number of its own",
        ),
        pytest.param(
            {"serviceAccountName": "nope"},
            'error looking up service account NAMESPACE/nope: serviceaccount "nope" not found',
            id="an unknown account",
        ),
        pytest.param(
            {"runtimeClassName": "nope"}, 'pod rejected: RuntimeClass "nope" not found', id="an unknown runtime"
        ),
    ],
)
async def test_a_pod_that_names_what_is_not_there_is_refused(core, namespace, spec, message):
    refused = (await core("pods").create(pod("a", **spec), dryRun="All")).refused
    assert refused.message == f'pods "a" is forbidden: {message.replace("NAMESPACE", namespace)}'


async def test_a_pod_takes_on_its_class_priority(api, core):
    name = f"contract-{os.getpid()}"
    classes = api.of("priorityclasses", root="/apis/scheduling.k8s.io/v1")
    made = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}, "value": 10}
    (await classes.create({**made, "preemptionPolicy": "Never"})).ok()
    try:
        taken = await core("pods").takes(pod("a", priorityClassName=name))
        refused = (await classes.merge(name, {"value": 11})).refused
    finally:
        await classes.delete(name)
    assert (taken["spec"]["priority"], taken["spec"]["preemptionPolicy"]) == (10, "Never")
    assert refused.message == (
        f'PriorityClass.scheduling.k8s.io "{name}" is invalid: value: Forbidden: may not be changed in an update.'
    )


async def test_a_system_priority_class_stays(api):
    classes = api.of("priorityclasses", root="/apis/scheduling.k8s.io/v1")
    refused = (await classes.delete("system-node-critical", dryRun="All")).refused
    assert refused.message == (
        'priorityclasses.scheduling.k8s.io "system-node-critical" is forbidden: this is a system priority class and '
        "cannot be deleted"
    )


async def test_a_pod_gets_its_accounts_token(core):
    made = (await core("pods").create(pod("a"), dryRun="All")).ok()
    (volume,) = made["spec"]["volumes"]
    assert volume["name"].startswith("kube-api-access-")
    assert [next(iter(source)) for source in volume["projected"]["sources"]] == [
        "serviceAccountToken",
        "configMap",
        "downwardAPI",
    ]
    assert made["spec"]["containers"][0]["volumeMounts"] == [
        {"name": volume["name"], "readOnly": True, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}
    ]


async def test_an_account_that_keeps_its_token_gives_its_pull_secrets(core):
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "quiet"},
        "imagePullSecrets": [{"name": "registry"}],
        "automountServiceAccountToken": False,
    }
    (await core("serviceaccounts").create(account)).ok()
    made = (await core("pods").create(pod("a", serviceAccountName="quiet"), dryRun="All")).ok()
    assert made["spec"]["imagePullSecrets"] == [{"name": "registry"}]
    assert "volumes" not in made["spec"]


async def test_a_pod_takes_on_its_runtimes_overhead(api, core):
    name = f"contract-{os.getpid()}"
    classes = api.of("runtimeclasses", root="/apis/node.k8s.io/v1")
    made = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": name}, "handler": "h"}
    (await classes.create({**made, "overhead": {"podFixed": {"cpu": "250m"}}})).ok()
    try:
        taken = await core("pods").takes(pod("a", runtimeClassName=name))
        other = pod("a", runtimeClassName=name, overhead={"cpu": "1"})
        refused = (await core("pods").create(other, dryRun="All")).refused
    finally:
        await classes.delete(name)
    assert taken["spec"]["overhead"] == {"cpu": "250m"}
    assert refused.message == (
        "pods \"a\" is forbidden: pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"
    )
