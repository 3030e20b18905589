"""Tells people: whatever services say goes to the channels that want it, each at its own pace.

    notifier = Notifier(operator)          # in `build`
    notifier.notify(Notification(...))     # returns at once; nobody waits for a chat server

A channel that does not take messages is tried again with back-off, and its condition Ready says why; the others do not
wait for it. Nothing is kept over a restart: who must not be missed is told by the object itself (Incident, Event).
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass, field
from random import Random

from kubewright.api.conditions import READY, Condition, set_condition, written
from kubewright.api.crds.notificationchannel import (
    NOTIFICATION_CHANNEL_CRD,
    NOTIFICATION_CHANNELS,
    NotificationChannel,
)
from kubewright.api.crds.violations import violations
from kubewright.api.meta import ObjectKey
from kubewright.api.plan import Apply, Plan
from kubewright.errors import OpError
from kubewright.notify.notification import Notification, concerns
from kubewright.notify.outbox import MOST_WAITING, Outbox
from kubewright.notify.sending import Sender
from kubewright.runtime.backoff import Backoff
from kubewright.runtime.informer import Change
from kubewright.runtime.operators import Operator

_ATTEMPTS = 6
_PAUSE_SECONDS = 300.0

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Line:
    """One channel's outbox, and what wakes the one who empties it."""

    outbox: Outbox
    news: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class Notifier:
    """What one service tells people by."""

    def __init__(self, operator: Operator, sender: Sender | None = None) -> None:
        """Declare it; it runs with the operator."""
        operator.define(NOTIFICATION_CHANNEL_CRD)
        self._clock = operator.clock
        self._channels = operator.informer(NOTIFICATION_CHANNELS)
        self._executor = operator.executor(NOTIFICATION_CHANNELS)
        self._sender = sender or Sender(operator.client, operator.clock)
        self._lines: dict[ObjectKey, _Line] = {}
        self._early: deque[Notification] = deque(maxlen=MOST_WAITING)
        """What was said before it was known who listens."""
        self._changed = asyncio.Event()
        self._channels.add_handler(self._on_channel)
        operator.task("notifications", self.run)

    def notify(self, told: Notification) -> int:
        """Have people told; return by how many channels it is news."""
        if not self._channels.synced:
            self._early.append(told)
            return 0
        now, count = self._clock.now(), 0
        for key, channel in zip(self._channels.index.keys(), self._channels.index.values(), strict=True):
            if concerns(channel.spec, told) and self._line(key, channel).outbox.offer(told, now):
                self._lines[key].news.set()
                count += 1
        if not count:
            _log.info("nobody is told: %s", told.what)
        return count

    async def run(self) -> None:
        """Deliver until cancelled."""
        await self._channels.wait_synced()
        early, self._early = self._early, deque[Notification](maxlen=MOST_WAITING)
        for told in early:
            self.notify(told)
        async with asyncio.TaskGroup() as tasks:
            while True:
                for key, line in list(self._lines.items()):
                    if key not in self._channels.index:
                        del self._lines[key]
                        if line.task is not None:
                            line.task.cancel()
                    elif line.task is None:
                        line.task = tasks.create_task(self._empty(key, line), name=f"channel {key}")
                self._changed.clear()
                await self._changed.wait()

    def _line(self, key: ObjectKey, channel: NotificationChannel) -> _Line:
        if key not in self._lines:
            self._lines[key] = _Line(Outbox(channel.spec.per_minute, channel.spec.repeat_after_seconds))
            self._changed.set()
        return self._lines[key]

    def _on_channel(self, change: Change[NotificationChannel]) -> None:
        line = self._lines.get(change.key)
        if line is not None and change.new is not None:
            line.outbox.per_minute = change.new.spec.per_minute
            line.outbox.repeat_after_seconds = change.new.spec.repeat_after_seconds
            line.news.set()
        self._changed.set()

    async def _empty(self, key: ObjectKey, line: _Line) -> None:
        backoff = Backoff(1.0, 60.0, Random(f"notify/{key}"))  # noqa: S311  jitter
        while True:
            wait = line.outbox.wait_seconds(self._clock.now())
            if wait is None:
                line.news.clear()
                await line.news.wait()
                continue
            await asyncio.sleep(wait)
            told = line.outbox.take(self._clock.now())
            if told and not await self._deliver(key, told, backoff):
                line.outbox.put_back(told)
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _deliver(self, key: ObjectKey, told: tuple[Notification, ...], backoff: Backoff) -> bool:
        """Deliver a message by a few attempts; tell whether it is dealt with: delivered, or refused for good."""
        backoff.reset()
        for left in reversed(range(_ATTEMPTS)):
            channel = self._channels.index.get(key)
            if channel is None:
                return True
            try:
                wrong = violations(channel.spec, "spec")
                if not wrong:
                    await self._sender.send(channel, told)
                await self._say(channel, "; ".join(wrong))
            except OpError as error:
                _log.warning("%s", error)
                await self._say(channel, f"{error.kind.value}: {error.detail}")
                if not error.retryable:
                    return True
                if left:
                    await asyncio.sleep(backoff.next_seconds())
            else:
                return True
        return False

    async def _say(self, channel: NotificationChannel, problem: str) -> None:
        """Write the channel's condition if it is another than before."""
        reason, message = ("Failing", problem) if problem else ("Delivering", "messages get through")
        status, generation = "False" if problem else "True", channel.metadata.generation
        ready = Condition(READY, status, reason, message, observed_generation=generation)
        conditions = set_condition(channel.status.conditions, ready, self._clock.now())
        if conditions == channel.status.conditions:
            return
        said = {"observedGeneration": generation, "conditions": written(conditions)}
        write = Apply.status(NOTIFICATION_CHANNELS, channel.key, said)
        try:
            await self._executor.execute(Plan((write,), message), about=channel)
        except OpError as error:
            _log.warning("its condition is not written: %s", error)
