"""What a service asked for, as an authorizer reads it, and what its role gives: {(verb, group, resource)}.

For the tests that hold services to their rights, on a twin under virtual time and on a real control plane.
"""

from __future__ import annotations

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_BY_NAME = {"bind", "escalate"}


def asked_for(request, status=200):
    """Read a request; nothing of what is not about resources. A patch that made something was a right to create."""
    parts = [part for part in request.path.split("/") if part]
    if len(parts) < 3 or parts[0] not in {"api", "apis"}:
        return set()
    group, rest = ("", parts[2:]) if parts[0] == "api" else (parts[1], parts[3:])
    if not rest:
        return set()
    rest = rest[2:] if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in {"status", "finalize"} else rest
    resource = "/".join([rest[0], *rest[2:3]])
    read = "watch" if str(request.query.get("watch", "")).lower() in {"true", "1"} else "get" if rest[1:] else "list"
    verbs = {_VERBS.get(request.method, read)} | ({"create"} if (request.method, status) == ("PATCH", 201) else set())
    return {(verb, group, resource) for verb in verbs}


def given_by(rules):
    """Give every right of a role; to give out roles is asked of the authorizer without a request."""
    return {
        (verb, group, resource)
        for rule in rules
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        if verb not in _BY_NAME
    }


def unused(allowed, used):
    """Give what was not asked for.

    Where a watch can bring the initial state nothing is listed; a right to any group's scales is used by one.
    """
    watched = {each for each in allowed if each[0] == "list" and ("watch", *each[1:]) in allowed}
    scales = {(verb, "*", "*/scale") for verb, _, resource in used if resource.endswith("/scale")}
    return allowed - watched - used - scales
