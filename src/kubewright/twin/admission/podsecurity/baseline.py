"""The checks of the baseline level: no known way from a pod to its node."""

from __future__ import annotations

from kubewright.api.meta import Manifest
from kubewright.twin.admission.podsecurity.finding import (
    Finding,
    containers,
    has_own_users,
    listed,
    named,
    offenders,
    profile_finding,
    security,
    setters,
)
from kubewright.twin.reading import as_dict, as_list, dicts, dig, text

_CAPABILITIES = frozenset(
    {
        "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP",
        "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
    }
)  # fmt: skip
_SYSCTLS = frozenset(
    {
        "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range", "net.ipv4.ip_unprivileged_port_start",
    }
)  # fmt: skip
_SYSCTLS_1_27 = _SYSCTLS | {"net.ipv4.ip_local_reserved_ports"}
_SYSCTLS_1_29 = _SYSCTLS_1_27 | {
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
}
_SYSCTLS_1_32 = _SYSCTLS_1_29 | {"net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"}
_APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/"
_SELINUX_TYPES = frozenset({"", "container_t", "container_init_t", "container_kvm_t"})


def app_armor(metadata: Manifest, spec: Manifest) -> Finding | None:
    """Only the runtime's profile, or one of the node's."""
    pod, names, kinds = profile_finding(spec, "appArmorProfile", lambda kind: kind == "Unconfined")
    annotations = {
        key: str(value)
        for key, value in sorted(as_dict(metadata.get("annotations")).items())
        if key.startswith(_APP_ARMOR)
        and value not in {"", "runtime/default"}
        and not str(value).startswith("localhost/")
    }
    if not pod and not names and not annotations:
        return None
    setting = [*([setters(names, pod=pod)] if pod or names else []), *(["annotation"] if annotations else [])]
    plural = "s" if len(annotations) > 1 else ""
    values = ", ".join([listed(kinds)] * bool(kinds) + [f'"{key}="{value}""' for key, value in annotations.items()])
    many = "s" if len(kinds) + len(annotations) > 1 else ""
    who = " and ".join(setting) + plural
    return Finding(f"forbidden AppArmor profile{many}", f"{who} must not set AppArmor profile type to {values}")


def capabilities(_metadata: Manifest, spec: Manifest) -> Finding | None:
    """Only the capabilities that containers have by default."""
    added: set[str] = set()
    names: list[str] = []
    for each in containers(spec):
        beyond = {str(name) for name in as_list(dig(security(each), "capabilities", "add"))} - _CAPABILITIES
        if beyond:
            names.append(text(each, "name"))
            added |= beyond
    if not names:
        return None
    detail = f"{named(names)} must not include {listed(sorted(added))} in securityContext.capabilities.add"
    return Finding("non-default capabilities", detail)


def host_namespaces(_metadata: Manifest, spec: Manifest) -> Finding | None:
    """Nothing shared with the node."""
    shared = [f"{name}=true" for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name)]
    return Finding("host namespaces", ", ".join(shared)) if shared else None


def host_path(_metadata: Manifest, spec: Manifest) -> Finding | None:
    """None of the node's files."""
    names = [text(each, "name") for each in dicts(spec, "volumes") if each.get("hostPath") is not None]
    return Finding("hostPath volumes", named(names, "volume")) if names else None


def host_ports(_metadata: Manifest, spec: Manifest) -> Finding | None:
    """None of the node's ports."""
    ports: set[int] = set()
    names: list[str] = []
    for each in containers(spec):
        own = {port["hostPort"] for port in dicts(each, "ports") if port.get("hostPort")}
        if own:
            names.append(text(each, "name"))
            ports |= own
    if not names:
        return None
    numbers = ", ".join(sorted(map(str, ports)))
    verb = "uses" if len(names) == 1 else "use"
    return Finding("hostPort", f"{named(names)} {verb} hostPort{'' if len(ports) == 1 else 's'} {numbers}")


def probe_hosts(_metadata: Manifest, spec: Manifest) -> Finding | None:
    """Probes and hooks ask the pod itself."""
    hosts: set[str] = set()
    names: set[str] = set()
    for each in containers(spec):
        handlers = [as_dict(each.get(name)) for name in ("livenessProbe", "readinessProbe", "startupProbe")]
        handlers += [as_dict(dig(each, "lifecycle", name)) for name in ("postStart", "preStop")]
        own = {text(handler, way, "host") for handler in handlers for way in ("httpGet", "tcpSocket")} - {""}
        if own:
            names.add(text(each, "name"))
            hosts |= own
    if not names:
        return None
    verb = "uses" if len(names) == 1 else "use"
    what = named(sorted(hosts), "probe or lifecycle host")
    return Finding("probe or lifecycle host", f"{named(sorted(names))} {verb} {what}")


def host_process(_metadata: Manifest, spec: Manifest) -> Finding | None:
    """No process of a Windows node."""
    pod = bool(dig(security(spec), "windowsOptions", "hostProcess"))
    names = offenders(spec, lambda own: bool(dig(own, "windowsOptions", "hostProcess")))
    if not pod and not names:
        return None
    return Finding(
        "hostProcess", f"{setters(names, pod=pod)} must not set securityContext.windowsOptions.hostProcess=true"
    )


def privileged(_metadata: Manifest, spec: Manifest) -> Finding | None:
    """No privileged container."""
    names = offenders(spec, lambda own: bool(own.get("privileged")))
    if not names:
        return None
    return Finding("privileged", f"{named(names)} must not set securityContext.privileged=true")


def proc_mount(_metadata: Manifest, spec: Manifest) -> Finding | None:
    """No view of all of /proc."""
    names = offenders(spec, lambda own: own.get("procMount", "Default") != "Default")
    kinds = sorted({text(security(each), "procMount") for each in containers(spec)} - {"", "Default"})
    if not names:
        return None
    return Finding("procMount", f"{named(names)} must not set securityContext.procMount to {listed(kinds)}")


def proc_mount_but_for_own_users(metadata: Manifest, spec: Manifest) -> Finding | None:
    """No view of all of /proc, unless root in the pod is nobody on the node."""
    return None if has_own_users(spec) else proc_mount(metadata, spec)


def selinux(_metadata: Manifest, spec: Manifest) -> Finding | None:
    """Only containers' SELinux types."""
    return _selinux(spec, _SELINUX_TYPES)


def selinux_1_31(_metadata: Manifest, spec: Manifest) -> Finding | None:
    """Also the type of container engines."""
    return _selinux(spec, _SELINUX_TYPES | {"container_engine_t"})


def _selinux(spec: Manifest, allowed: frozenset[str]) -> Finding | None:
    kinds: list[str] = []
    user = role = False

    def offends(own: Manifest) -> bool:
        nonlocal user, role
        options = as_dict(own.get("seLinuxOptions"))
        kind = text(options, "type")
        if kind not in allowed and kind not in kinds:
            kinds.append(kind)
        user, role = user or bool(options.get("user")), role or bool(options.get("role"))
        return kind not in allowed or bool(options.get("user")) or bool(options.get("role"))

    pod = offends(security(spec))
    names = offenders(spec, offends)
    if not pod and not names:
        return None
    parts = [f"type{'' if len(kinds) == 1 else 's'} {listed(kinds)}"] if kinds else []
    parts += [f"{name} may not be set" for name, is_set in (("user", user), ("role", role)) if is_set]
    detail = f"{setters(names, pod=pod)} set forbidden securityContext.seLinuxOptions: {'; '.join(parts)}"
    return Finding("seLinuxOptions", detail)


def seccomp(_metadata: Manifest, spec: Manifest) -> Finding | None:
    """System calls stay filtered."""
    pod, names, kinds = profile_finding(spec, "seccompProfile", lambda kind: kind == "Unconfined")
    if not pod and not names:
        return None
    detail = f"{setters(names, pod=pod)} must not set securityContext.seccompProfile.type to {listed(kinds)}"
    return Finding("seccompProfile", detail)


def _sysctls(spec: Manifest, allowed: frozenset[str]) -> Finding | None:
    names = [text(each, "name") for each in dicts(security(spec), "sysctls")]
    beyond = [name for name in names if name not in allowed]
    return Finding("forbidden sysctls", ", ".join(beyond)) if beyond else None


def sysctls(_metadata: Manifest, spec: Manifest) -> Finding | None:
    """Only kernel parameters that are the pod's own."""
    return _sysctls(spec, _SYSCTLS)


def sysctls_1_27(_metadata: Manifest, spec: Manifest) -> Finding | None:
    """Also reserved ports."""
    return _sysctls(spec, _SYSCTLS_1_27)


def sysctls_1_29(_metadata: Manifest, spec: Manifest) -> Finding | None:
    """Also TCP's times."""
    return _sysctls(spec, _SYSCTLS_1_29)


def sysctls_1_32(_metadata: Manifest, spec: Manifest) -> Finding | None:
    """Also TCP's buffers."""
    return _sysctls(spec, _SYSCTLS_1_32)
