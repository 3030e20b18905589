"""The agent itself: looks, writes conditions that changed, renews its lease, and keeps its promise by the watchdog.

What cannot be written now is written at the next turn; what cannot be asked is not asked. Nothing is queued without
bound, and nothing but the watchdog's turn must be in time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from kubewright.api.coordination import LEASES
from kubewright.api.core import NODES
from kubewright.api.meta import Manifest, ObjectKey, ObjectMeta, PartialObject, rfc3339_micro
from kubewright.api.nodeagent import (
    FENCE,
    FENCED,
    FENCED_AFTER_SECONDS,
    LOOK_SECONDS,
    NEIGHBOURS,
    RENEW_SECONDS,
    SELF_FENCING,
    UNREACHED,
    lease_key,
    lease_manifest,
    read_neighbours,
)
from kubewright.api.nodes import KUBELET_PORT
from kubewright.client.protocol import Client, PatchType
from kubewright.clock import Clock
from kubewright.errors import ErrorKind, OpError
from kubewright.healing.agent import checks
from kubewright.healing.agent.book import Book, Said, written
from kubewright.healing.agent.checks import KubeletRuns, Places
from kubewright.healing.agent.fencing import may_run
from kubewright.healing.agent.kernel import Record, sightings
from kubewright.healing.agent.log import KernelLog
from kubewright.healing.agent.neighbours import AGENT_PORT, Reached, ask_all, serve
from kubewright.healing.agent.sighting import DEADLOCK, DISK, HARDWARE, MACHINE_CHECK, READ_ONLY, Measured
from kubewright.healing.agent.watchdog import Watchdog
from kubewright.runtime.events import EventRecorder

FIELD_MANAGER = "kubewright-node-agent"
CHECK_SECONDS = 10.0
_LIMIT_SECONDS = 5.0
"""For each write: a server that does not answer must not keep the agent from its neighbours."""
_DISKS_SECONDS = 5.0
"""In which the disks are to answer."""
_OLD_SECONDS = 60.0
"""What the log said earlier than that before the agent came is no event any more."""
_OF_THE_LOG = (DEADLOCK, READ_ONLY, DISK, MACHINE_CHECK)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the agent is, and what it may."""

    node: str
    places: Places = field(default_factory=Places)
    log: Path = Path("/dev/kmsg")
    host: str = ""
    """Where neighbours ask: all addresses by default."""
    port: int = AGENT_PORT
    neighbours_kubelet_port: int = KUBELET_PORT
    arm: Callable[[], Watchdog] | None = None
    """Arms the machine's watchdog; None where the agent does not fence itself."""
    boot: Callable[[], None] | None = None
    """Boots the machine at once; None where the agent may not."""


class NodeAgent:
    """One node's."""

    def __init__(self, client: Client, clock: Clock, settings: Settings) -> None:
        """Put it together."""
        self._client = client
        self._clock = clock
        self._settings = settings
        self._watchdog: Watchdog | None = None
        self._disks: asyncio.Future[list[Measured]] | None = None
        self._recorder = EventRecorder(client, clock, FIELD_MANAGER)
        self._book = Book()
        self._shown: dict[str, Said] = {}
        self._runs = KubeletRuns()
        self._reached = Reached(settings.neighbours_kubelet_port)
        self._neighbours: dict[str, str] = {}
        self._unreached: tuple[str, ...] = ()
        self._renewed_at: float | None = None
        """By the loop's time, which no one sets: when the last renewal began that the server took."""
        self._began_at = 0.0
        self._remembers = False
        self._fenced, self._booting = "", ""
        self._about = PartialObject(metadata=ObjectMeta(name=settings.node, uid=settings.node))

    async def run(self) -> None:
        """Work until cancelled."""
        self._began_at = asyncio.get_running_loop().time()
        self._expect()
        server = await serve(self._settings.host, self._settings.port, self._since_renewal)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._follow_log())
                tasks.create_task(self._check())
                tasks.create_task(self._watch_neighbours())
                tasks.create_task(self._recorder.run())
                tasks.create_task(self._keep_promise())
        finally:
            server.close()

    async def leave(self) -> None:
        """Take the promise back, then disarm the watchdog; where it cannot be taken back, it is kept."""
        watchdog, self._watchdog = self._watchdog, None
        if watchdog is not None and await self._renew():
            watchdog.disarm()

    def _since_renewal(self) -> float:
        now = asyncio.get_running_loop().time()
        return now - (self._began_at if self._renewed_at is None else self._renewed_at)

    def _expect(self) -> None:
        gpus = (HARDWARE,) if self._gpus() else ()
        self._book.expect((*_OF_THE_LOG, *gpus), self._clock.now())

    def _gpus(self) -> list[str]:
        """Return the PCI addresses of the GPUs, by their numbers."""
        place = self._settings.places.at("/proc/driver/nvidia/gpus")
        return sorted(each.name for each in place.iterdir()) if place.is_dir() else []

    async def _follow_log(self) -> None:
        gpus = self._gpus()
        uptime = _uptime(self._settings.places)

        def take(record: Record) -> None:
            seen = sightings(record, gpus)
            if seen is None:
                return
            now = self._clock.now()
            at = min(started_at + record.at_seconds, now)
            self._book.see(seen, at)
            if at < now - _OLD_SECONDS:
                self._book.events.pop()

        started_at = self._clock.now() - uptime
        try:
            await KernelLog(take, self._settings.log).run()
        except OpError as error:
            _log.warning("faults that only the kernel tells of are not seen: %s", error)

    async def _check(self) -> None:
        while True:
            now = self._clock.now()
            self._book.age(now)
            try:
                self._book.measure(await self._measured(now), now)
            except OSError as error:  # a process that ends while it is looked at, say
                _log.warning("not all is known of the node this time: %s", error)
            await self._show(now)
            await asyncio.sleep(CHECK_SECONDS)

    async def _measured(self, now: float) -> list[Measured]:
        places = self._settings.places
        found = [*checks.clock(checks.read_clock()), await checks.kubelet(places)]
        found.append(self._runs.look(await asyncio.to_thread(checks.kubelet_run, places), now))
        found += await self._of_disks(places, now)
        runtime = await checks.runtime(places)
        return found if runtime is None else [*found, runtime]

    async def _of_disks(self, places: Places, now: float) -> list[Measured]:
        """Look at the disks in a thread; one that hangs keeps that one thread, and not the agent."""
        asked = self._disks
        if asked is None:
            asked = self._disks = asyncio.get_running_loop().run_in_executor(None, _of_disks, places, now)
        await asyncio.wait({asked}, timeout=_DISKS_SECONDS)
        if not asked.done():
            return [Measured(DISK, "DiskHangs", f"a disk has not answered within {_DISKS_SECONDS:g} s")]
        self._disks = None
        return asked.result()

    async def _show(self, now: float) -> None:
        """Write the conditions that changed, and tell of what was seen."""
        changed = {name: said for name, said in self._book.conditions.items() if self._shown.get(name) != said}
        if changed:
            status: Manifest = {"conditions": [written(name, said, now) for name, said in changed.items()]}
            try:
                async with asyncio.timeout(_LIMIT_SECONDS):
                    await self._client.patch(
                        NODES,
                        ObjectKey("", self._settings.node),
                        {"status": status},
                        PatchType.STRATEGIC,
                        subresource="status",
                        field_manager=FIELD_MANAGER,
                    )
            except (OpError, TimeoutError) as error:
                _log.warning("%d conditions are not written: %s", len(changed), error)
                return
            self._shown |= changed
        while self._book.events:
            seen = self._book.events.popleft()
            self._recorder.record(self._about, NODES, "Warning", seen.reason, seen.message)

    async def _watch_neighbours(self) -> None:
        while True:
            unreached = await self._reached.look(self._neighbours)
            if unreached != self._unreached or self._since_renewal() >= RENEW_SECONDS or self._renewed_at is None:
                self._unreached = unreached
                if await self._renew() and self._watchdog is None and self._settings.arm is not None:
                    # Only who has reached the API server once promises to end without it.
                    self._watchdog = self._settings.arm()
                    await self._renew()
            await asyncio.sleep(LOOK_SECONDS)

    async def _remember(self) -> None:
        """Read what was written before this agent began, as before a boot."""
        try:
            lease = await self._client.get(LEASES, lease_key(self._settings.node))
        except OpError as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise
        else:
            notes = lease.metadata.annotations
            self._fenced, self._booting = notes.get(FENCED, ""), notes.get(_BOOTING, "")
        self._remembers = True

    async def _renew(self) -> bool:
        """Write the lease, and obey what the healer has written there; return whether it was written."""
        began_at = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(_LIMIT_SECONDS):
                if not self._remembers:
                    await self._remember()
                lease = await self._client.apply(LEASES, self._lease(), field_manager=FIELD_MANAGER)
        except (OpError, TimeoutError) as error:
            _log.warning("the lease is not renewed: %s", error)
            return False
        self._renewed_at = began_at
        said = lease.metadata.annotations
        self._neighbours = read_neighbours(said.get(NEIGHBOURS, ""))
        await self._obey(said.get(FENCE, ""))
        return True

    def _lease(self) -> Manifest:
        notes = {UNREACHED: ",".join(self._unreached), FENCED: self._fenced, _BOOTING: self._booting}
        if self._watchdog is not None:
            notes[SELF_FENCING] = f"{FENCED_AFTER_SECONDS:.0f}"
        given = {key: text for key, text in notes.items() if text}
        return lease_manifest(self._settings.node, given, rfc3339_micro(self._clock.now()))

    async def _obey(self, order: str) -> None:
        """Boot for an order that is new; it is written down first for which, and before which boot."""
        if not order or order == self._fenced or self._settings.boot is None:
            return
        boot_id = _boot_id(self._settings.places)
        wanted, _, before = self._booting.rpartition("@")
        if wanted == order and before == boot_id:
            _log.warning("booting: %s asks for it", order)
            self._settings.boot()
        elif wanted == order:
            self._fenced, self._booting = order, ""
            await self._renew()
        else:
            self._booting = f"{order}@{boot_id}"
            await self._renew()

    async def _keep_promise(self) -> None:
        """Tell the watchdog to wait, as long as what runs here may."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            watchdog = self._watchdog
            if watchdog is None:
                continue
            since = self._since_renewal()
            said: list[float | None] = []
            if not may_run(since, said):
                said = await ask_all(self._neighbours.values(), self._settings.port)
            if may_run(since, said):
                watchdog.wait()
            else:
                _log.error(
                    "no API server for %.0f s while neighbours have one: the watchdog ends what runs here", since
                )


_BOOTING = "agent.kubewright.dev/booting"
"""For which order it is about to boot, and which boot it is before that."""


def _of_disks(places: Places, now: float) -> list[Measured]:
    """Look at the disks; that they answer says that they do not hang, whatever they hung on before."""
    found = [*checks.filesystems(places), *checks.disks(places), *checks.certificate(places, now)]
    ill = {each.condition for each in found}
    return found + [Measured(each) for each in (READ_ONLY, DISK) if each not in ill]


def _boot_id(places: Places) -> str:
    return checks.text_of(places.at("/proc/sys/kernel/random/boot_id"))


def _uptime(places: Places) -> float:
    try:
        return float(checks.text_of(places.at("/proc/uptime")).split(" ")[0])
    except ValueError:
        return 0.0
