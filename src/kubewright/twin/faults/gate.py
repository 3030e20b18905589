"""What stands before the API server's own work while faults of its clients are in force, and holds their watches.

`ApiServer.handle` lets requests through here. Of several faults that hit a request the waits add up, and then the first
one by name that refuses or resets has the word. Which of many requests a fault hits follows from its seed and from how
many it has seen, so that the same requests meet the same fate.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from weakref import WeakKeyDictionary

from kubewright.client.transport import Request, Response
from kubewright.store.versioned import VersionedStore
from kubewright.twin.access.users import User
from kubewright.twin.faults import parameters as p
from kubewright.twin.faults.clients import Caller, caller_of, error_response, is_meant, unauthorized
from kubewright.twin.faults.inforce import Active, Board, InForce
from kubewright.twin.watch import WatchHub, WatchStream

Key = tuple[tuple[str, int], int]


class ApiGate:
    """Delays, refuses and resets requests, drops and holds watches, and forgets history, as the board says."""

    def __init__(self, board: Board, hub: WatchHub, store: VersionedStore) -> None:
        self.board = board
        self._hub = hub
        self._store = store
        self._seen: Counter[Key] = Counter()
        self._hit: Counter[Key] = Counter()
        self._callers: WeakKeyDictionary[WatchStream, Caller] = WeakKeyDictionary()
        self._held: dict[Key, list[WatchStream]] = {}
        board.listen(self._on_change)

    def hits(self, fault: Active) -> tuple[int, int]:
        """Return how many requests a fault has met and how many of them it hit."""
        return self._seen[fault.key], self._hit[fault.key]

    async def through(self, request: Request, user: User, answer: Callable[[], Awaitable[Response]]) -> Response:
        """Answer a request as far as the faults let it; raises ConnectionResetError where they cut the connection."""
        caller = caller_of(request, user)
        faults = self.board.now.on_clients
        hitting = [each for each in faults if each.spec.type not in _OF_WATCHES and self._hits(each, caller)]
        seconds = sum(_wait_seconds(each, self._hit[each.key]) for each in hitting)
        if seconds:
            await asyncio.sleep(seconds)
        refused = next(_refusals(hitting, caller), None)
        if refused is not None:
            return refused
        response = await answer()
        stream = response.stream if isinstance(response.stream, WatchStream) else None
        if any(each.spec.type == "ApiReset" for each in hitting):
            if stream is not None:
                await stream.aclose()
            raise ConnectionResetError("connection reset by peer")
        if stream is not None:
            self._follow(stream, caller)
        return response

    def note(self, stream: WatchStream, request: Request, user: User) -> None:
        """Remember whose watch was begun while nothing was in force."""
        self._callers[stream] = caller_of(request, user)

    def _follow(self, stream: WatchStream, caller: Caller) -> None:
        self._callers[stream] = caller
        for fault in self.board.now.on_clients:
            if fault.spec.type in _OF_WATCHES and self._hits(fault, caller):
                self._disturb(fault, stream, at_once=False)

    def _hits(self, fault: Active, caller: Caller) -> bool:
        """Tell whether a fault hits a request, and count it."""
        target = fault.spec.target
        if target.clients is None or not is_meant(target.clients, caller):
            return False
        number = self._seen[fault.key] = self._seen[fault.key] + 1
        if target.count is not None:
            hit = self._hit[fault.key] < target.count
        else:
            hit = target.percent is None or fault.draw(f"request {number}") * 100 < target.percent
        self._hit[fault.key] += hit
        return hit

    def _on_change(self, old: InForce, new: InForce) -> None:
        before, after = ({each.key: each for each in every.active} for every in (old, new))
        for key in [key for key in before if key not in after]:
            for stream in self._held.pop(key, ()):
                stream.release()
            del self._seen[key], self._hit[key]
        for fault in (each for key, each in after.items() if key not in before):
            if fault.spec.type == "Compaction":
                self._store.compact(self._store.revision)
            elif fault.spec.type in _OF_WATCHES:
                for stream, caller in tuple(self._callers.items()):
                    if not stream.ended and self._hits(fault, caller):
                        self._disturb(fault, stream, at_once=True)

    def _disturb(self, fault: Active, stream: WatchStream, *, at_once: bool) -> None:
        if fault.spec.type == "WatchStale":
            stream.hold()
            self._held.setdefault(fault.key, []).append(stream)
            return
        drop = fault.spec.watch_drop or p.WatchDrop()
        if at_once or not drop.after_seconds:
            stream.cut(expired=drop.expired)
        else:
            asyncio.get_running_loop().call_later(drop.after_seconds, lambda: stream.cut(expired=drop.expired))


_OF_WATCHES = frozenset({"WatchDrop", "WatchStale"})


def _wait_seconds(fault: Active, number: int) -> float:
    latency = fault.spec.api_latency
    if latency is None:
        return 0.0
    return (latency.milliseconds + latency.jitter_milliseconds * fault.draw(f"wait {number}")) / 1000


def _refusals(faults: list[Active], caller: Caller) -> Iterator[Response]:
    """Yield what is answered instead of the right answer; raises ConnectionResetError before the request is done."""
    for fault in faults:
        match fault.spec.type:
            case "ApiError":
                response = error_response(fault.spec.api_error or p.ApiError(), caller)
                if response is not None:
                    yield response
            case "CertificateExpiry":
                yield unauthorized()
            case "ApiReset" if (fault.spec.api_reset or p.ApiReset()).when == "Before":
                raise ConnectionResetError("connection reset by peer")
            case _:
                pass
