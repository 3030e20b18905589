"""A team's receiver as the Prometheus Operator has it: secrets by reference, and nothing dropped in silence."""

import base64

import pytest

from kubewright.monitoring.forms import Bundle, operator_objects
from kubewright.monitoring.operatorreceivers import carried, not_carried
from kubewright.monitoring.teams import Audience, Maintenance, Team


def ways(**receiver):
    return carried(Team("shops", ("shop",), receiver=receiver), "s")


def ref(key):
    return {"name": "s", "key": key}


@pytest.mark.parametrize(
    ("given", "receiver", "secrets"),
    [
        pytest.param(
            {"slack_configs": [{"api_url": "https://a", "channel": "#x", "title_link": "l", "callback_id": "c"}]},
            {
                "slackConfigs": [
                    {"apiURL": ref("slack-0-api_url"), "channel": "#x", "titleLink": "l", "callbackId": "c"}
                ]
            },
            {"slack-0-api_url": "https://a"},
            id="slack",
        ),
        pytest.param(
            {"pagerduty_configs": [{"routing_key": "k", "details": {"a": 1}, "client_url": "u"}]},
            {
                "pagerdutyConfigs": [
                    {
                        "routingKey": ref("pagerduty-0-routing_key"),
                        "details": [{"key": "a", "value": "1"}],
                        "clientURL": "u",
                    }
                ]
            },
            {"pagerduty-0-routing_key": "k"},
            id="pagerduty",
        ),
        pytest.param(
            {"email_configs": [{"to": "a@b", "auth_password": "p", "require_tls": True, "headers": {"Subject": "x"}}]},
            {
                "emailConfigs": [
                    {
                        "to": "a@b",
                        "authPassword": ref("email-0-auth_password"),
                        "requireTLS": True,
                        "headers": [{"key": "Subject", "value": "x"}],
                    }
                ]
            },
            {"email-0-auth_password": "p"},
            id="email",
        ),
        pytest.param(
            {
                "webhook_configs": [
                    {
                        "url": "https://a",
                        "max_alerts": 5,
                        "http_config": {
                            "authorization": {"credentials": "t"},
                            "tls_config": {"insecure_skip_verify": True},
                        },
                    }
                ]
            },
            {
                "webhookConfigs": [
                    {
                        "urlSecret": ref("webhook-0-url"),
                        "maxAlerts": 5,
                        "httpConfig": {
                            "authorization": {"credentials": ref("webhook-0-credentials")},
                            "tlsConfig": {"insecureSkipVerify": True},
                        },
                    }
                ]
            },
            {"webhook-0-url": "https://a", "webhook-0-credentials": "t"},
            id="a webhook with a token",
        ),
    ],
)
def test_a_receiver_is_carried_over_with_its_secrets_beside_it(given, receiver, secrets):
    done = ways(**given)
    assert done.receiver == {"name": "shops", **receiver}
    assert done.secrets == secrets
    assert done.left == []


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"sms_configs": [{}]}, "sms_configs: the Prometheus Operator has no such receiver"),
        ({"slack_configs": [{"api_url_file": "/f"}]}, "slack_configs[0]: api_url_file: "),
        ({"webhook_configs": [{"url": "a", "http_config": {"authorization": {"credentials_file": "/f"}}}]}, "by file"),
    ],
)
def test_what_cannot_be_carried_over_is_told_of_and_not_half_written(given, told):
    done = ways(**given)
    assert done.receiver == {"name": "shops"}
    assert len(done.left) == 1
    assert told in done.left[0]


def test_a_field_that_is_unknown_leaves_the_rest():
    done = ways(webhook_configs=[{"url": "a", "http_config": {"oauth2": {}, "follow_redirects": False}}])
    assert done.receiver["webhookConfigs"][0]["httpConfig"] == {"followRedirects": False}
    assert done.left == ["webhook_configs[0].http_config: oauth2: not carried over to the Prometheus Operator"]


def test_each_namespace_of_a_team_has_the_secret_that_its_receiver_names():
    team = Team("shops", ("shop", "till"), receiver={"slack_configs": [{"api_url": "https://a"}]})
    objects = list(operator_objects(Bundle({}, {}, {}, {}), "monitoring", Audience((team,)), None, str))
    for place in team.namespaces:
        mine = {each["kind"]: each for each in objects if each["metadata"]["namespace"] == place}
        reference = mine["AlertmanagerConfig"]["spec"]["receivers"][0]["slackConfigs"][0]["apiURL"]
        secret = mine["Secret"]
        assert secret["metadata"]["name"] == reference["name"]
        assert base64.b64decode(secret["data"][reference["key"]]) == b"https://a"


def test_maintenance_and_teams_without_a_namespace_are_told_of():
    audience = Audience((Team("a", webhook="https://a"),), (Maintenance("night", ("x=y",), ({},)),))
    told = list(not_carried(audience))
    assert [each.partition(":")[0] for each in told] == ["team a", "maintenance night"]
