"""What was measured, over HTTP: of an application, a policy, a team, to whoever may look at it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kubewright.api.crds.appservice import APP_SERVICES
from kubewright.api.crds.scalepolicy import SCALE_POLICIES
from kubewright.api.crds.team import TEAMS
from kubewright.api.meta import KubeObject, ObjectKey, Resource
from kubewright.dashboard.access import Access, Person
from kubewright.dashboard.answers import UNKEPT, as_json
from kubewright.dashboard.measured import MOST_HOURS, Measured
from kubewright.dashboard.world import World
from kubewright.errors import ErrorKind, OpError
from kubewright.series.protocol import Missing

T = TypeVar("T", bound=KubeObject)
Handler = Callable[[Request, Person], Awaitable[Response]]


class MeasuredPages:
    """The routes below /api/measured."""

    def __init__(self, world: World, access: Access, measured: Measured) -> None:
        self._world = world
        self._access = access
        self._measured = measured

    def routes(self, guarded: Callable[[Handler], Callable[[Request], Awaitable[Response]]]) -> Sequence[Route]:
        """Return them, each for those alone who are signed in."""
        handlers: dict[str, Handler] = {
            "traffic": self._traffic,
            "apps/{namespace}/{name}": self._release,
            "scaling/{namespace}/{name}": self._scaling,
            "recorded/{namespace}/{name}": self._recorded,
            "teams/{name}": self._team,
        }
        return [Route(f"/api/measured/{path}", guarded(handler)) for path, handler in handlers.items()]

    async def _release(self, request: Request, person: Person) -> Response:
        return as_json(await self._measured.release(await self._found(request, person, APP_SERVICES)))

    async def _scaling(self, request: Request, person: Person) -> Response:
        policy = await self._found(request, person, SCALE_POLICIES)
        return as_json(await self._measured.scaling(policy, _hours(request, 1)))

    async def _recorded(self, request: Request, person: Person) -> Response:
        """Give a policy's load as CSV, for `kubewright backtest`."""
        policy = await self._found(request, person, SCALE_POLICIES)
        course = await self._measured.recorded(policy, _hours(request, MOST_HOURS))
        if isinstance(course, Missing):
            raise OpError("dashboard.measure", ErrorKind.UNAVAILABLE, str(policy.key), str(course))
        told = [
            f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ},{count:g}"
            for at, count in zip(course.at, course.lines[0].values, strict=True)
            if count is not None
        ]
        headers = {**UNKEPT, "content-disposition": f'attachment; filename="{policy.metadata.name}.csv"'}
        return Response("\n".join(["time,requests", *told, ""]), 200, headers, media_type="text/csv")

    async def _traffic(self, request: Request, person: Person) -> Response:
        del request
        spaces = [key.name for key in self._world.namespaces.index]
        sight = await self._access.sight(person, APP_SERVICES, spaces)
        apps = self._world.found(APP_SERVICES).index.values()
        seen = {str(app.key): app for app in apps if sight.shows(app.metadata.namespace)}
        return as_json(await self._measured.traffic(seen))

    async def _team(self, request: Request, person: Person) -> Response:
        return as_json(await self._measured.team(await self._found(request, person, TEAMS)))

    async def _found(self, request: Request, person: Person, resource: Resource[T]) -> T:
        """Return the object that is asked about, if the person may look at it; raises OpError."""
        path: dict[str, Any] = request.path_params
        key = ObjectKey(path.get("namespace", ""), path["name"])
        await self._access.need(person, "get", resource, key)
        found = self._world.found(resource).index.get(key)
        if found is None:
            raise OpError("dashboard.measure", ErrorKind.NOT_FOUND, str(key), f"there is no {resource.kind} {key}")
        return found


def _hours(request: Request, default: int) -> int:
    text = request.query_params.get("hours", str(default))
    if not (text.isascii() and text.isdigit() and 0 < int(text[:4]) <= MOST_HOURS):
        raise OpError("dashboard.measure", ErrorKind.INVALID, text[:80], f"hours are 1 to {MOST_HOURS}")
    return int(text[:4])
