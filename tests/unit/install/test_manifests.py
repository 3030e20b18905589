"""The objects of an installation: complete, hardened, and the same however they are handed over."""

import itertools
import re

import pytest
import yaml

from kubewright.api.crds import all_crds
from kubewright.cli.run import run
from kubewright.cli.yamlform import dump_all
from kubewright.errors import OpError
from kubewright.install.chart import base, chart
from kubewright.install.manifests import groups, manifests
from kubewright.install.services import ALL, PARTS, together
from kubewright.install.settings import Settings, choose, order

OBJECTS = manifests(Settings())
PODS = {each["metadata"]["name"]: each["spec"]["template"]["spec"] for each in OBJECTS if each["kind"] == "Deployment"}


def identities(objects):
    return [(each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]) for each in objects]


def test_every_service_of_the_platform_is_among_them():
    assert set(PODS) == {f"kubewright-{name}" for name in run.commands}


def test_no_object_is_there_twice_and_every_kind_is():
    found = identities(OBJECTS)
    assert len(set(found)) == len(found)
    assert {name for kind, _, name in found if kind == "CustomResourceDefinition"} == {
        each["metadata"]["name"] for each in all_crds()
    }


@pytest.mark.parametrize("name", PODS)
def test_a_pod_keeps_to_the_standard_restricted_and_writes_nowhere_but_in_tmp(name):
    pod = PODS[name]
    (container,) = pod["containers"]
    context = container["securityContext"]
    assert context["readOnlyRootFilesystem"]
    assert context["runAsNonRoot"]
    assert not context["allowPrivilegeEscalation"]
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert {volume["name"] for volume in pod["volumes"]} == {"tmp", "identity"}
    assert [mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")] == ["/tmp"]  # noqa: S108


def test_no_account_may_do_everything_or_read_everybodys_secrets():
    for each in OBJECTS:
        for rule in each.get("rules", ()):
            assert "*" not in rule["verbs"]
            assert "secrets" not in rule["resources"] or rule.get("resourceNames"), each["metadata"]["name"]


def test_one_process_for_all_has_the_rights_of_all():
    settings = Settings(services=("gpu", "costs"), together=True)
    (role,) = (each for each in groups(settings)[ALL] if each["kind"] == "ClusterRole")
    assert all(rule in role["rules"] for name in settings.services for rule in PARTS[name].cluster_rules())
    assert len(together(("gpu", "gpu"))) == len(PARTS["gpu"].cluster_rules())
    (deployment,) = (each for each in groups(settings)[ALL] if each["kind"] == "Deployment")
    assert deployment["spec"]["template"]["spec"]["containers"][0]["args"][:3] == ["up", "--services", "gpu,costs"]


def test_the_base_of_kustomize_is_the_very_same_objects():
    files = base(dump_all)
    listed = yaml.safe_load(files["kustomization.yaml"])["resources"]
    assert set(listed) == set(files) - {"kustomization.yaml"}
    found = itertools.chain.from_iterable(yaml.load_all(files[name], yaml.CSafeLoader) for name in listed)
    assert list(found) == OBJECTS


PEOPLE = {"oidc_issuer": "https://id.example", "oidc_client_id": "kubewright"}


def rendered(text, values):
    """Render as Helm would, as far as the chart goes: `if` and `and` of values, and values put in place."""
    found, shown = [], [True]

    def value(path):
        answer = values
        for each in path.removeprefix(".Values.").split("."):
            answer = answer.get(each)
        return answer

    for line in text.splitlines():
        if line == "{{- end }}":
            shown.pop()
        elif line.startswith("{{- if "):
            shown.append(shown[-1] and all(map(value, re.findall(r"\.Values[.\w]+", line))))
        elif shown[-1]:
            placed = line.replace("{{ .Release.Namespace }}", "kubewright-system")
            found.append(re.sub(r"\{\{ [^{}]*?(\.Values[.\w]+)[^{}]* \}\}", lambda at: str(value(at[1])), placed))
    assert shown == [True]
    return "\n".join(found) + "\n"


CHOSEN = {
    "nothing": Settings(),
    "alerts behind TLS": Settings(alerts_secret="alertmanager", behind_tls=True),
    "an issuer": Settings(**PEOPLE),
    "an issuer that wants a secret": Settings(**PEOPLE, oidc_secret="client"),
    "an issuer of one's own, and alerts": Settings(**PEOPLE, oidc_ca="authorities", alerts_secret="alertmanager"),
    "an issuer of one's own that wants a secret": Settings(**PEOPLE, oidc_secret="client", oidc_ca="authorities"),
    "one process for all": Settings(together=True, replicas=3),
    "alerts to one process for all": Settings(together=True, alerts_secret="alertmanager"),
}


@pytest.mark.parametrize("chosen", CHOSEN.values(), ids=CHOSEN)
def test_the_chart_is_the_base_with_what_can_be_chosen_in_place(chosen):
    # What is chosen later is told apart from what was chosen when the chart was written: only the values differ.
    written = Settings(together=chosen.together)
    files, plain = chart(dump_all, written), base(dump_all, chosen)
    told, values = (yaml.safe_load(each["values.yaml"]) for each in (files, chart(dump_all, chosen)))
    assert told.keys() == values.keys()
    for name, text in files.items():
        if name.startswith("templates/"):
            whole = values | {"namespace": {"create": True}}
            assert rendered(text, whole) == plain[name.removeprefix("templates/")], name
    assert {name for name in groups(chosen) if name} == set(values["services"])


def test_a_chart_lets_alerts_in_only_where_somebody_takes_them():
    values = yaml.safe_load(chart(dump_all, Settings(alerts_secret="alertmanager"))["values.yaml"])
    values["services"]["monitoring"] = False
    assert "9095" not in rendered(chart(dump_all)["templates/shared.yaml"], values)


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        (Settings(namespace="Upper"), "lower-case"),
        (Settings(image="a b"), "image"),
        (Settings(replicas=0), "replicas"),
        (Settings(services=("dashbord",)), "workloads"),
        (Settings(services=()), "name at least one"),
        (Settings(prometheus="prometheus:9090"), "URL"),
    ],
)
def test_settings_that_no_cluster_would_take_are_refused_in_words_that_help(wrong, word):
    with pytest.raises(OpError, match=word):
        wrong.check()


def test_what_was_chosen_stays_chosen_and_the_image_follows_the_release():
    old = Settings(image="kubewright:0.0.9", version="0.0.9", replicas=3, services=("workloads", "no-more"))
    nothing = {"services": (), "image": "", "replicas": None, "prometheus": None, "together": None}
    new = choose(old.namespace, old, **nothing)
    assert new == Settings(replicas=3, services=("workloads",))
    mine = choose(old.namespace, Settings(image="mirror/kw:1", prometheus="http://p"), **nothing | {"prometheus": ""})
    assert (mine.image, mine.prometheus) == ("mirror/kw:1", "")


def test_releases_have_an_order():
    assert order("0.9.0") < order("0.10.0") < order("1.0") < order("1.0.1")


def parts_of(settings, name):
    """A service's pod, its Service and the policy for all."""
    found = {(each["kind"], each["metadata"]["name"]): each for each in manifests(settings)}
    pod = found["Deployment", f"kubewright-{name}"]["spec"]["template"]["spec"]
    return pod, found["Service", f"kubewright-{name}"]["spec"], found["NetworkPolicy", "kubewright"]["spec"]


@pytest.mark.parametrize(("together", "taker"), [(False, "monitoring"), (True, ALL)], ids=["one each", "all in one"])
def test_alerts_come_in_with_a_token_that_is_mounted_and_not_told(together, taker):
    pod, service, policy = parts_of(Settings(alerts_secret="alertmanager", together=together), taker)
    (container,) = pod["containers"]
    at = container["args"].index("--alerts-token-file")
    path = container["args"][at + 1]
    (mount,) = [each for each in container["volumeMounts"] if path.startswith(f"{each['mountPath']}/")]
    assert mount["readOnly"]
    assert {each["name"]: each.get("secret") for each in pod["volumes"]}[mount["name"]]["secretName"] == "alertmanager"
    assert {each["port"] for each in service["ports"]} == {8080, 9095}
    assert 9095 in {each["port"] for each in policy["ingress"][0]["ports"]}
    _, service, policy = parts_of(Settings(together=together), taker)
    assert 9095 not in {each["port"] for each in (*service["ports"], *policy["ingress"][0]["ports"])}


def test_people_sign_in_where_it_was_said():
    issuer = {**PEOPLE, "oidc_secret": "oidc"}
    pod, _, _ = parts_of(Settings(**issuer, behind_tls=True), "dashboard")
    (container,) = pod["containers"]
    said = " ".join(container["args"])
    assert "--behind-tls --oidc-issuer https://id.example --oidc-client-id kubewright" in said
    assert "--oidc-client-secret-file /etc/kubewright/oidc/client-secret" in said
    for name in PARTS.keys() - {"dashboard"}:
        assert "oidc" not in str(parts_of(Settings(**issuer), name)[0])


def test_the_authorities_of_an_issuer_are_mounted_from_a_config_map():
    pod, _, _ = parts_of(Settings(**PEOPLE, oidc_ca="company-ca"), "dashboard")
    (container,) = pod["containers"]
    path = container["args"][container["args"].index("--oidc-ca-file") + 1]
    (mount,) = [each for each in container["volumeMounts"] if path == f"{each['mountPath']}/ca.crt"]
    assert mount["readOnly"]
    (volume,) = [each for each in pod["volumes"] if each["name"] == mount["name"]]
    assert volume["configMap"]["name"] == "company-ca"
    assert "--oidc-ca-file" not in str(parts_of(Settings(**PEOPLE), "dashboard")[0])


@pytest.mark.parametrize(
    "wrong",
    [
        {"alerts_secret": "Not a name"},
        {"oidc_issuer": "https://id.example"},
        {"oidc_issuer": "http://id.example", "oidc_client_id": "kubewright"},
        {"oidc_secret": "oidc"},
        {"oidc_ca": "company-ca"},
        {**PEOPLE, "oidc_ca": "company ca"},
    ],
    ids=str,
)
def test_what_of_people_and_secrets_makes_no_sense_is_refused(wrong):
    with pytest.raises(OpError):
        Settings(**wrong).check()


def test_what_was_chosen_stays_until_something_else_is():
    asked = {"services": (), "image": "", "replicas": None, "prometheus": None, "together": None}
    first = choose("here", None, **asked, more={"alerts_secret": "token", "oidc_issuer": None})
    assert (first.alerts_secret, first.oidc_issuer) == ("token", "")
    assert choose("here", first, **asked, more={"alerts_secret": None}).alerts_secret == "token"
    assert choose("here", first, **asked, more={"alerts_secret": ""}).alerts_secret == ""
