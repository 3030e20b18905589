from kubewright.api.drift import FINGERPRINT
from kubewright.workloads import children
from tests.unit.workloads.build import app


def container(**spec):
    return children.deployment(app(**spec))["spec"]["template"]["spec"]["containers"][0]


def test_the_deployment_carries_everything_that_the_application_says():
    made = container(
        image="shop:1",
        command=["/bin/serve"],
        args=["--fast"],
        env=[{"name": "PORT", "value": "80"}],
        ports=[{"name": "http", "port": 80, "targetPort": 8080}],
        resources={"requests": {"cpu": "100m"}, "limits": {"memory": "128Mi"}},
    )
    assert made == {
        "name": "app",
        "image": "shop:1",
        "command": ["/bin/serve"],
        "args": ["--fast"],
        "env": [{"name": "PORT", "value": "80"}],
        "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
        "resources": {"requests": {"cpu": "100m"}, "limits": {"memory": "128Mi"}},
    }


def test_quantities_are_written_as_the_api_server_stores_them():
    made = container(resources={"requests": {"cpu": "1000m", "memory": "1024Mi"}})
    assert made["resources"] == {"requests": {"cpu": "1", "memory": "1Gi"}}


def test_the_service_reaches_the_containers_port():
    service = children.service(app(ports=[{"name": "grpc", "port": 5000, "targetPort": 8080, "appProtocol": "h2c"}]))
    assert service["spec"]["ports"] == [
        {"name": "grpc", "port": 5000, "targetPort": 8080, "protocol": "TCP", "appProtocol": "h2c"}
    ]
    assert service["spec"]["selector"] == {children.NAME_LABEL: "web"}


def test_ports_without_a_name_get_one_each():
    service = children.service(app(ports=[{"port": 53}, {"port": 53, "protocol": "UDP"}]))
    assert [port["name"] for port in service["spec"]["ports"]] == ["port-53", "port-53-udp"]


def test_an_application_without_ports_has_no_service():
    assert children.service(app(ports=[])) is None


def test_the_fingerprint_changes_with_the_manifest_and_only_then():
    def fingerprint(**spec):
        return children.deployment(app(**spec))["metadata"]["annotations"][FINGERPRINT]

    assert fingerprint() == fingerprint()
    assert fingerprint() != fingerprint(replicas=3)
