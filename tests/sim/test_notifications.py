"""Channels on a twin: who is told what, and what the channel says of itself."""

import asyncio

from kubewright.api.conditions import find_condition
from kubewright.api.crds.notificationchannel import NOTIFICATION_CHANNELS
from kubewright.api.meta import ObjectKey
from kubewright.clock import Clock, run_virtual
from kubewright.errors import ErrorKind, OpError
from kubewright.notify.notification import Notification
from kubewright.notify.service import Notifier
from kubewright.runtime.operators import Operator
from kubewright.twin.cluster import Twin


class Server:
    """Takes messages, as long as it is up."""

    def __init__(self):
        self.up, self.taken = True, []

    async def send(self, channel, told):
        if not self.up:
            raise OpError("notify.send", ErrorKind.UNAVAILABLE, channel.metadata.name, "ConnectionRefused")
        self.taken.append((channel.metadata.name, [each.incident for each in told]))


def channel(name, **spec):
    return {
        "apiVersion": "kubewright.dev/v1alpha1",
        "kind": "NotificationChannel",
        "metadata": {"name": name},
        "spec": {"webhook": {"url": "http://127.0.0.1:1/"}, **spec},
    }


def live(day):
    async def run():
        clock = Clock.virtual()
        async with Twin(clock, nodes=1) as twin, asyncio.TaskGroup() as tasks:
            operator, server = Operator("kubewright-healing", twin.client(), clock), Server()
            notifier = Notifier(operator, server)
            running = tasks.create_task(operator.run())
            await asyncio.sleep(5)
            found = await day(twin.client(), notifier, server)
            running.cancel()
            return found

    return run_virtual(run())


def told(incident, **rest):
    return Notification("kubewright-healing", incident, "Warning", "something is wrong", **rest)


async def ready(client, name):
    found = await client.get(NOTIFICATION_CHANNELS, ObjectKey("", name))
    return find_condition(found.status.conditions, "Ready")


def test_each_channel_is_told_what_concerns_it_and_a_slow_one_holds_up_nobody():
    async def day(client, notifier, server):
        await client.create(NOTIFICATION_CHANNELS, channel("all"))
        await client.create(NOTIFICATION_CHANNELS, channel("vision", teams=["vision"]))
        await asyncio.sleep(2)
        assert notifier.notify(told("a")) == 1
        assert notifier.notify(told("b", team="vision")) == 2
        assert notifier.notify(told("b", team="vision")) == 0
        await asyncio.sleep(2)
        return sorted(server.taken)

    assert live(day) == [("all", ["a"]), ("all", ["b"]), ("vision", ["b"])]


def test_a_server_that_is_away_is_told_later_and_the_channel_says_so():
    async def day(client, notifier, server):
        await client.create(NOTIFICATION_CHANNELS, channel("all"))
        await asyncio.sleep(2)
        server.up = False
        notifier.notify(told("a"))
        await asyncio.sleep(400)
        failing = await ready(client, "all")
        server.up = True
        await asyncio.sleep(700)
        return failing, await ready(client, "all"), server.taken

    failing, well, taken = live(day)
    assert (failing.status, failing.reason, failing.message) == ("False", "Failing", "unavailable: ConnectionRefused")
    assert (well.status, well.reason) == ("True", "Delivering")
    assert taken == [("all", ["a"])]


def test_a_channel_that_is_deleted_is_told_nothing_more():
    async def day(client, notifier, server):
        await client.create(NOTIFICATION_CHANNELS, channel("all"))
        await asyncio.sleep(2)
        notifier.notify(told("a"))
        await asyncio.sleep(2)
        await client.delete(NOTIFICATION_CHANNELS, ObjectKey("", "all"))
        await asyncio.sleep(2)
        return notifier.notify(told("b")), server.taken

    assert live(day) == (0, [("all", ["a"])])
