"""From a configuration to a client: what the command line calls."""

from __future__ import annotations

from kubewright.client.config import ConnectionConfig
from kubewright.client.http import HttpTransport
from kubewright.client.requests import FieldValidation
from kubewright.client.rest import RestClient


def connect(config: ConnectionConfig, *, field_validation: FieldValidation = "") -> RestClient:
    """Return a client of the server that `config` names; nothing is sent before its first call."""
    return RestClient(HttpTransport(config), field_validation=field_validation)
