"""Requests as an API server takes them: headers, media types and the query parameters of reads and writes.

`RestClient` builds every request here. Pure data in, pure data out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from kubewright.api.meta import KubeObject, PartialObject
from kubewright.client.transport import Request

FieldValidation = Literal["", "Ignore", "Warn", "Strict"]

JSON = "application/json"
APPLY = "application/apply-patch+yaml"
_NO_QUERY: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class RequestBuilder:
    """Builds requests with the headers and options that all of one client's requests share."""

    user_agent: str
    field_validation: FieldValidation

    def read(self, path: str, query: Mapping[str, str] = _NO_QUERY, accept: str = JSON) -> Request:
        """Return a GET."""
        return Request("GET", path, query, self._headers(accept))

    def write(
        self,
        method: str,
        path: str,
        body: Any,
        *,
        media_type: str = JSON,
        field_manager: str = "",
        dry_run: bool = False,
        force: bool | None = None,
    ) -> Request:
        """Return a request that changes something; `force` belongs to server-side apply only."""
        query: dict[str, str] = {}
        if field_manager:
            query["fieldManager"] = field_manager
        if self.field_validation:
            query["fieldValidation"] = self.field_validation
        if dry_run:
            query["dryRun"] = "All"
        if force is not None:
            query["force"] = "true" if force else "false"
        return self.any(method, path, query, body, media_type=media_type)

    def any(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Any,
        *,
        media_type: str = JSON,
        accept: str = JSON,
    ) -> Request:
        """Return a request with `body` as JSON, or without one if it is None."""
        headers = self._headers(accept)
        if body is None:
            return Request(method, path, query, headers)
        headers["content-type"] = media_type
        return Request(method, path, query, headers, msgspec.json.encode(body))

    def _headers(self, accept: str) -> dict[str, str]:
        return {"accept": accept, "user-agent": self.user_agent}


def listed_as(kind: type[KubeObject]) -> str:
    """Return in what form objects are asked for: where only metadata is read, the server need not send the rest."""
    return f"{JSON};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,{JSON}" if kind is PartialObject else JSON


def selection(label_selector: str, field_selector: str) -> dict[str, str]:
    """Return the query that narrows a list or a watch."""
    query: dict[str, str] = {}
    if label_selector:
        query["labelSelector"] = label_selector
    if field_selector:
        query["fieldSelector"] = field_selector
    return query


def not_older_than(resource_version: str) -> dict[str, str]:
    """Return the query of a list that may come from the server's cache if that is as new as this version."""
    if not resource_version:
        return {}
    return {"resourceVersion": resource_version, "resourceVersionMatch": "NotOlderThan"}


def watch_query(resource_version: str, *, send_initial_events: bool, timeout_seconds: float | None) -> dict[str, str]:
    """Return the query of a watch, bookmarks included."""
    query = {"watch": "true", "allowWatchBookmarks": "true"}
    if resource_version:
        query["resourceVersion"] = resource_version
    if send_initial_events:
        query |= {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
    if timeout_seconds is not None:
        query["timeoutSeconds"] = str(max(1, int(timeout_seconds)))
    return query
