"""Whether a rule of Istio's AuthorizationPolicies is about a connection: sources, operations, conditions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kubewright.api.meshes import AuthorizationPolicy, AuthorizationRule, Operation, RuleWhen, Source
from kubewright.reach.ends import Connection, End, in_block
from kubewright.reach.verdict import Truth, all_of, any_of, negated

TRUST_DOMAIN = "cluster.local"
"""To Istio it stands for its own trust domain, whatever that is called."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, as the proxy at the destination knows it."""

    end: End
    version: int
    namespace: str = ""
    """Empty, as the account, where it comes in plain text."""
    account: str = ""

    @property
    def principal(self) -> str:
        """Return its identity, as its certificate says it."""
        return f"{TRUST_DOMAIN}/ns/{self.namespace}/sa/{self.account}" if self.namespace else ""


def rules(
    policies: Iterable[AuthorizationPolicy], connection: Connection, caller: Caller
) -> Iterator[tuple[str, Truth]]:
    """Yield each rule of policies by its name, and whether it is about a connection."""
    for policy in policies:
        for number, rule in enumerate(policy.spec.rules):
            truth = _matches(rule, connection, caller, policy.metadata.namespace)
            yield f"authorizationpolicy {policy.key} rules[{number}]", truth


def _matches(rule: AuthorizationRule, connection: Connection, caller: Caller, namespace: str) -> Truth:
    sources = [_is_source(each.source, caller, namespace) for each in rule.sources]
    operations = [_is_operation(each.operation, connection) for each in rule.operations]
    return all_of(
        (
            any_of(sources) if sources else True,
            any_of(operations) if operations else True,
            *(_holds(each, connection, caller) for each in rule.when),
        )
    )


def _is_source(source: Source, caller: Caller, namespace: str) -> Truth:
    blocks = [in_block(caller.end, caller.version, each) for each in source.ip_blocks]
    without = [in_block(caller.end, caller.version, each) for each in source.not_ip_blocks]
    of_requests = (
        *source.request_principals,
        *source.not_request_principals,
        *source.remote_ip_blocks,
        *source.not_remote_ip_blocks,
    )
    return all_of(
        (
            _one(source.principals, [_is_principal(each, caller) for each in source.principals]),
            negated(any_of(_is_principal(each, caller) for each in source.not_principals)),
            _one(source.namespaces, [fits(each, caller.namespace) for each in source.namespaces]),
            negated(any_of(fits(each, caller.namespace) for each in source.not_namespaces)),
            _one(source.service_accounts, [_is_account(each, caller, namespace) for each in source.service_accounts]),
            negated(any_of(_is_account(each, caller, namespace) for each in source.not_service_accounts)),
            _one(source.ip_blocks, blocks),
            negated(any_of(without)),
            None if of_requests else True,
        )
    )


def _one(wanted: tuple[str, ...], truths: Iterable[Truth]) -> Truth:
    return any_of(truths) if wanted else True


def fits(pattern: str, text: str) -> bool:
    """Whether a text is what a pattern says: itself, `prefix*`, `*suffix`, or `*` for anything that is there."""
    if pattern == "*":
        return bool(text)
    if pattern.startswith("*"):
        return text.endswith(pattern[1:])
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern


def _is_principal(pattern: str, caller: Caller) -> Truth:
    if not caller.principal or fits(pattern, caller.principal):
        return bool(caller.principal)
    # Another trust domain may be this mesh's own name for itself.
    domain, _, rest = pattern.partition("/")
    same = fits(rest, caller.principal.partition("/")[2]) if rest else False
    return None if same and domain not in {TRUST_DOMAIN, ""} else False


def _is_account(wanted: str, caller: Caller, namespace: str) -> bool:
    theirs, slash, name = wanted.partition("/")
    return (caller.namespace, caller.account) == ((theirs, name) if slash else (namespace, wanted))


def _is_operation(operation: Operation, connection: Connection) -> Truth:
    port = str(connection.port)
    of_requests = (
        *operation.hosts,
        *operation.not_hosts,
        *operation.methods,
        *operation.not_methods,
        *operation.paths,
        *operation.not_paths,
    )
    return all_of(
        (
            _one(operation.ports, [each == port for each in operation.ports]),
            port not in operation.not_ports,
            None if of_requests else True,
        )
    )


def _holds(condition: RuleWhen, connection: Connection, caller: Caller) -> Truth:
    def one(value: str) -> Truth:
        match condition.key:
            case "source.namespace":
                return fits(value, caller.namespace)
            case "source.principal":
                return _is_principal(value, caller)
            case "source.ip":
                return in_block(caller.end, caller.version, value)
            case "destination.port":
                return value == str(connection.port)
            case _:
                return None

    wanted = _one(condition.values, [one(each) for each in condition.values])
    return all_of((wanted, negated(any_of(one(each) for each in condition.not_values))))
