"""Credentials from a command, as cloud providers hand them out (`aws eks get-token`, `gke-gcloud-auth-plugin` ...).

The command is told what it may ask the user and, if it wants, which cluster it is for; it prints an ExecCredential.
What it prints is kept until it expires or is rejected. Source: KEP-541 (external credential providers).
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable

import msgspec

from kubewright.api.meta import parse_time
from kubewright.client.auth.credentials import Identity
from kubewright.client.config import ClientCertificate, ExecPlugin
from kubewright.clock import Clock
from kubewright.errors import ErrorKind, OpError

PLUGIN_SECONDS = 180.0
"""How long a plugin may take: it may wait for a person to log in."""
_DETAIL_CHARACTERS = 300


class _CredentialStatus(msgspec.Struct, rename="camel"):
    token: str = ""
    client_certificate_data: str = ""
    client_key_data: str = ""
    expiration_timestamp: str | None = None


class _ExecCredential(msgspec.Struct, rename="camel"):
    kind: str
    api_version: str
    status: _CredentialStatus = msgspec.field(default_factory=_CredentialStatus)


class ExecCredentials:
    """Runs the plugin when there is nothing valid to send, once for all who wait."""

    def __init__(
        self,
        plugin: ExecPlugin,
        certificate: ClientCertificate | None,
        clock: Clock,
        *,
        has_terminal: Callable[[], bool] = lambda: sys.stdin is not None and sys.stdin.isatty(),
    ) -> None:
        self._plugin = plugin
        self._certificate = certificate
        self._clock = clock
        self._has_terminal = has_terminal
        self._running = asyncio.Lock()
        self._current: Identity | None = None
        self._expires_at: float | None = None

    async def identity(self, rejected: Identity | None = None) -> Identity:
        """Return what the plugin printed last, unless that has expired or was rejected."""
        async with self._running:
            current = self._current
            if current is None or rejected == current or self._expired():
                current = self._read(await self._run())
            return current

    def _expired(self) -> bool:
        return self._expires_at is not None and self._clock.now() >= self._expires_at

    async def _run(self) -> bytes:
        plugin = self._plugin
        interactive = self._interactive()
        environment = {**os.environ, **plugin.env, "KUBERNETES_EXEC_INFO": self._exec_info(interactive)}
        try:
            process = await asyncio.create_subprocess_exec(
                plugin.command,
                *plugin.args,
                stdin=None if interactive else asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=environment,
            )
        except FileNotFoundError as error:
            hint = " ".join(plugin.install_hint.split()) or "install it, or use another user in the kubeconfig"
            raise self._error(f"the command was not found; {hint}") from error
        except OSError as error:
            raise self._error(f"the command does not run: {error.strerror or error}") from error
        return await self._output(process)

    async def _output(self, process: asyncio.subprocess.Process) -> bytes:
        try:
            async with asyncio.timeout(PLUGIN_SECONDS):
                output, complaints = await process.communicate()
        except TimeoutError as error:
            raise self._error(f"it printed no credentials within {PLUGIN_SECONDS:.0f} s; run it by hand") from error
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            text = " ".join(complaints.decode(errors="replace").split())[-_DETAIL_CHARACTERS:]
            raise self._error(f"exit code {process.returncode}: {text or 'it said nothing'}")
        return output

    def _read(self, output: bytes) -> Identity:
        """Keep what the plugin printed; raises OpError when it is no usable ExecCredential."""
        try:
            credential = msgspec.json.decode(output, type=_ExecCredential)
            status = credential.status
            expires_at = parse_time(status.expiration_timestamp) if status.expiration_timestamp else None
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
            raise self._error(f"what it printed is no ExecCredential: {error}") from error
        if credential.kind != "ExecCredential" or credential.api_version != self._plugin.api_version:
            raise self._error(f"it printed {credential.api_version} {credential.kind}, not {self._plugin.api_version}")
        if bool(status.client_certificate_data) != bool(status.client_key_data):
            raise self._error("it printed a client certificate or a key without the other")
        if not status.token and not status.client_certificate_data:
            raise self._error("it printed neither a token nor a client certificate")
        headers = {"authorization": f"Bearer {status.token}"} if status.token else {}
        certificate = self._certificate
        if status.client_certificate_data:
            certificate = ClientCertificate(status.client_certificate_data.encode(), status.client_key_data.encode())
        self._expires_at = expires_at
        self._current = Identity(headers, certificate)
        return self._current

    def _interactive(self) -> bool:
        mode = self._plugin.interactive_mode
        available = mode != "Never" and self._has_terminal()
        if mode == "Always" and not available:
            raise self._error("it needs a terminal to log in; run kubewright in one, or use a token")
        return available

    def _exec_info(self, interactive: bool) -> str:
        spec: dict[str, object] = {"interactive": interactive}
        if self._plugin.cluster is not None:
            spec["cluster"] = self._plugin.cluster
        info = {"kind": "ExecCredential", "apiVersion": self._plugin.api_version, "spec": spec}
        return msgspec.json.encode(info).decode()

    def _error(self, detail: str) -> OpError:
        return OpError("client.auth", ErrorKind.UNAUTHORIZED, f"exec {self._plugin.command}", detail)
