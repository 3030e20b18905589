"""When an agent lets its machine's watchdog go: the promise on which somebody else starts what ran here. Pure.

The promise: `FENCED_AFTER_SECONDS` after the start of the last renewal that the API server took, nothing runs here any
more. It is kept by the machine's watchdog, a timer of the hardware that resets the machine unless it is told to wait
every few seconds. The agent tells it to wait only while it may, so an agent that died or hangs keeps the promise, too:

    last renewal begun            0 s      what the API server has on record is never older than this
    no renewal succeeds until    60 s      GIVE_UP_SECONDS: the agent tells the watchdog to wait no more,
    looked at every               5 s      LOOK_SECONDS, the most by which that comes late;
    the watchdog resets          15 s      WATCHDOG_SECONDS after it was told last: all that ran is gone by 80 s.

The healer counts from when it saw that renewal, by its own clock, which is later than the renewal's start, and adds
what clocks may differ in speed. It writes its mark on the lease first, on the version that it saw: an agent that
renewed meanwhile makes that fail, and one that renews afterwards reads the mark and boots.

Where the API server itself is away nobody may fence: all nodes would. So an agent asks its neighbours, and goes on
while most of all of them, those that do not answer included, say that they do not reach the API server either. The
healer takes no silence for proof unless at least half of the node's neighbours have renewed without such a gap since.
"""

from __future__ import annotations

from collections.abc import Sequence

from kubewright.api.nodeagent import API_LOST_SECONDS, GIVE_UP_SECONDS


def may_run(since_renewal_seconds: float, neighbours: Sequence[float | None]) -> bool:
    """Tell whether the watchdog is to be told to wait.

    `neighbours` say how long ago each renewed its own lease; None is one that does not answer. Who hears from none is
    alone, and gives up.
    """
    if since_renewal_seconds < GIVE_UP_SECONDS:
        return True
    lost = sum(each is not None and each >= API_LOST_SECONDS for each in neighbours)
    return lost * 2 > len(neighbours)
