"""Which checks a level and version have, and what they find in a pod."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from kubewright.api.meta import Manifest
from kubewright.twin.admission.podsecurity import baseline, restricted
from kubewright.twin.admission.podsecurity.finding import Check, Finding
from kubewright.twin.admission.podsecurity.policy import Standard


@dataclass(frozen=True, slots=True)
class Rule:
    """A check through the versions: each `(first minor version, check)`; it stands in for the checks it `replaces`."""

    name: str
    versions: tuple[tuple[int, Check], ...]
    replaces: tuple[str, ...] = ()


_BASELINE = (
    Rule("appArmorProfile", ((0, baseline.app_armor),)),
    Rule("capabilities_baseline", ((0, baseline.capabilities),)),
    Rule("hostNamespaces", ((0, baseline.host_namespaces),)),
    Rule("hostPathVolumes", ((0, baseline.host_path),)),
    Rule("hostPorts", ((0, baseline.host_ports),)),
    Rule("hostProbesAndHostLifecycle", ((34, baseline.probe_hosts),)),
    Rule("privileged", ((0, baseline.privileged),)),
    Rule("procMount", ((0, baseline.proc_mount), (35, baseline.proc_mount_but_for_own_users))),
    Rule("seLinuxOptions", ((0, baseline.selinux), (31, baseline.selinux_1_31))),
    Rule("seccompProfile_baseline", ((19, baseline.seccomp),)),
    Rule(
        "sysctls",
        (
            (0, baseline.sysctls),
            (27, baseline.sysctls_1_27),
            (29, baseline.sysctls_1_29),
            (32, baseline.sysctls_1_32),
        ),
    ),
    Rule("windowsHostProcess", ((0, baseline.host_process),)),
)
_RESTRICTED = (
    Rule(
        "allowPrivilegeEscalation",
        ((8, restricted.privilege_escalation), (25, restricted.privilege_escalation_on_linux)),
    ),
    Rule(
        "capabilities_restricted",
        ((22, restricted.capabilities), (25, restricted.capabilities_on_linux)),
        ("capabilities_baseline",),
    ),
    Rule("procMount_restricted", ((35, baseline.proc_mount),), ("procMount",)),
    Rule("restrictedVolumes", ((0, restricted.volumes),), ("hostPathVolumes",)),
    Rule("runAsNonRoot", ((0, restricted.non_root), (35, restricted.non_root_but_for_own_users))),
    Rule("runAsUser", ((23, restricted.user), (35, restricted.user_but_for_own_users))),
    Rule(
        "seccompProfile_restricted",
        ((19, restricted.seccomp), (25, restricted.seccomp_on_linux)),
        ("seccompProfile_baseline",),
    ),
)


@lru_cache(maxsize=256)
def checks(standard: Standard) -> tuple[Check, ...]:
    """Return a level's checks, those of the baseline first."""
    if standard.level == "privileged":
        return ()
    chosen = {rule.name: _as_of(rule, standard.minor) for rule in _BASELINE}
    if standard.level == "restricted":
        for rule in _RESTRICTED:
            check = _as_of(rule, standard.minor)
            chosen[rule.name] = check
            if check is not None:
                chosen |= dict.fromkeys(rule.replaces)
    return tuple(check for check in chosen.values() if check is not None)


def _as_of(rule: Rule, minor: int) -> Check | None:
    return next((check for first, check in reversed(rule.versions) if first <= minor), None)


def evaluate(standard: Standard, metadata: Manifest, spec: Manifest) -> list[Finding]:
    """Return all that a pod does beyond a standard."""
    return [found for check in checks(standard) if (found := check(metadata, spec)) is not None]
