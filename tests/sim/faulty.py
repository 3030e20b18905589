"""A day with faults: how a user injects and lifts them, and what they say of themselves."""

import asyncio

from kubewright.api.meta import ObjectKey
from kubewright.client.inprocess import InProcessTransport
from kubewright.client.rest import RestClient
from kubewright.errors import ErrorKind, OpError
from kubewright.twin.access.users import ADMIN
from kubewright.twin.faults.fault import FAULTS


async def inject(day, name, type_, target=None, **fields):
    """Apply a fault and wait until it has a status."""
    spec = {"type": type_, **({"target": target} if target is not None else {}), **fields}
    head = {"apiVersion": FAULTS.api_version, "kind": FAULTS.kind, "metadata": {"name": name}}
    await day.client.create(FAULTS, {**head, "spec": spec})

    async def noticed():
        return (await status(day, name)).phase is not None

    await day.until(noticed, 10)


async def lift(day, name):
    """Delete a fault and wait until it is gone and has been noticed."""
    await day.client.delete(FAULTS, ObjectKey("", name))

    async def gone():
        try:
            await status(day, name)
        except OpError as error:
            return error.kind is ErrorKind.NOT_FOUND
        return False

    await day.until(gone, 30)
    await asyncio.sleep(0.1)


async def status(day, name):
    return (await day.client.get(FAULTS, ObjectKey("", name))).status


def client_called(day, agent, user=ADMIN):
    """Return a client with a User-Agent of its own."""
    return RestClient(InProcessTransport(day.twin.server.answering(user)), user_agent=agent)


async def refusal(call):
    """Return the OpError that a call ends with; None when it succeeds."""
    try:
        await call
    except OpError as error:
        return error
    return None
