"""Measurements from any store with Prometheus' HTTP API: Prometheus, Thanos, Mimir, VictoriaMetrics."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from math import isfinite
from typing import TypeAlias
from urllib.parse import quote

import msgspec
import numpy as np

from kubewright.client.transport import Request, Response, Transport
from kubewright.errors import OpError
from kubewright.series.columns import Columns
from kubewright.series.promql import Vocabulary, duration
from kubewright.series.protocol import Expression, Missing, PodQuery, Query, Sample, Series, Span, Vector, Why

_FORM = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
_UNKNOWN_TO_IT = frozenset({"bad_data", "execution"})
"""What the store says of a question that is wrong in itself; any other error may pass."""
_UNSAFE = re.compile(r"[^A-Za-z0-9_.~-]+")
LOOK_BACK_SECONDS = 60.0
"""How old a sample may be that counts as present: four scrapes. A store's own default of five minutes hides faults."""

_Point: TypeAlias = tuple[float, str]


class _Result(msgspec.Struct, gc=False):
    metric: dict[str, str] = {}
    value: _Point | None = None
    values: tuple[_Point, ...] = ()


class _OfPod(msgspec.Struct, gc=False):
    """The labels that the answer for a signal of pods has."""

    namespace: str = ""
    pod: str = ""
    le: str = ""


class _PodResult(msgspec.Struct, gc=False):
    metric: _OfPod
    value: tuple[float, float]
    """The second is a text that is read as a number."""


class _Data(msgspec.Struct, rename="camel"):
    result_type: str = ""
    result: msgspec.Raw = msgspec.Raw(b"[]")


class _Answer(msgspec.Struct, rename="camel"):
    status: str
    data: _Data = msgspec.field(default_factory=_Data)
    error_type: str = ""
    error: str = ""
    warnings: tuple[str, ...] = ()


class PrometheusSource:
    """A store at the server that the transport reaches; `prefix` is what stands before `/api/v1` there."""

    def __init__(self, transport: Transport, *, prefix: str = "", vocabulary: Vocabulary | None = None) -> None:
        self._transport = transport
        self._prefix = prefix.rstrip("/")
        self._vocabulary = vocabulary or Vocabulary()

    async def instant(self, query: Query) -> Vector | Missing:
        """Return what is so now, by the store's clock."""
        answer = await self._now(query)
        return answer if isinstance(answer, Missing) else _vector(answer)

    async def columns(self, query: PodQuery) -> Columns | Missing:
        """Return what is so of pods now, without an object for each of them."""
        answer = await self._now(query)
        if isinstance(answer, Missing):
            return answer
        try:
            found = msgspec.json.decode(answer.data.result, type=list[_PodResult], strict=False)
        except msgspec.DecodeError:  # some number is written as only `_vector` reads it, or it is no answer at all
            vector = _vector(answer)
            return vector if isinstance(vector, Missing) else Columns.of(vector)
        values = np.array([each.value for each in found], np.float64).reshape(-1, 2)
        finite = np.isfinite(values[:, 1])
        if not finite.all():
            found, values = [each for each, good in zip(found, finite, strict=True) if good], values[finite]
        if not found:
            return _nothing(len(finite))
        labels = [each.metric for each in found]
        pods = [(each.namespace, each.pod) for each in labels]
        return Columns(pods, [each.le for each in labels], values[:, 1], values[:, 0])

    async def _now(self, query: Query) -> _Answer | Missing:
        return await self._ask("query", query, {"lookback_delta": duration(LOOK_BACK_SECONDS)})

    async def range(self, query: Query, span: Span) -> tuple[Series, ...] | Missing:
        """Return what was so over a span."""
        asked = {"start": f"{span.start:.3f}", "end": f"{span.end:.3f}", "step": f"{span.step_seconds:g}"}
        answer = await self._ask("query_range", query, asked)
        if isinstance(answer, Missing):
            return answer
        found = _results(answer)
        if isinstance(found, Missing):
            return found
        try:
            series = tuple(Series(each.metric, points) for each in found if (points := _finite(each.values)))
        except ValueError as error:
            return Missing(Why.UNAVAILABLE, f"the answer is no answer of a Prometheus: {error}")
        return series or _nothing(len(found))

    async def _ask(self, what: str, query: Query, more: Mapping[str, str]) -> _Answer | Missing:
        promql = query.promql if isinstance(query, Expression) else self._vocabulary.promql(query)
        if promql is None:
            return Missing(Why.UNSUPPORTED, "the vocabulary has no expression for it")
        body = "&".join(f"{name}={_escaped(text)}" for name, text in {"query": promql, **more}.items()).encode()
        try:
            response = await self._transport.send(Request("POST", f"{self._prefix}/api/v1/{what}", {}, _FORM, body))
        except OpError as error:
            return Missing(Why.UNAVAILABLE, error.detail)
        return _read(response)


@lru_cache(maxsize=256)
def _escaped(text: str) -> str:
    """Escape a value of a form: queries are long, most of what they have needs none, and the same are asked again."""
    return _UNSAFE.sub(lambda found: quote(found[0], safe=""), text)


def _read(response: Response) -> _Answer | Missing:
    try:
        answer = msgspec.json.decode(response.body, type=_Answer)
    except msgspec.DecodeError:
        return Missing(Why.UNAVAILABLE, f"status {response.status}, and no answer of a Prometheus")
    if answer.status == "success":
        return answer
    why = Why.INVALID if answer.error_type in _UNKNOWN_TO_IT else Why.UNAVAILABLE
    return Missing(why, f"{answer.error_type}: {answer.error}")


def _results(answer: _Answer) -> list[_Result] | Missing:
    raw = answer.data.result
    try:
        if answer.data.result_type == "scalar":
            return [_Result(value=msgspec.json.decode(raw, type=_Point))]
        if answer.data.result_type in {"vector", "matrix"}:
            return msgspec.json.decode(raw, type=list[_Result])
    except msgspec.DecodeError as error:
        return Missing(Why.UNAVAILABLE, f"the answer does not decode: {error}")
    return Missing(Why.INVALID, f"the expression is a {answer.data.result_type or 'thing without a type'}")


def _vector(answer: _Answer) -> Vector | Missing:
    found = _results(answer)
    if isinstance(found, Missing):
        return found
    try:
        samples = tuple(
            [
                Sample(each.metric, value, point[0])
                for each in found
                if (point := each.value) is not None and isfinite(value := float(point[1]))
            ]
        )
    except ValueError as error:
        return Missing(Why.UNAVAILABLE, f"the answer is no answer of a Prometheus: {error}")
    return Vector(samples, answer.warnings) if samples else _nothing(len(found))


def _finite(points: tuple[_Point, ...]) -> tuple[tuple[float, float], ...]:
    return tuple((at, value) for at, text in points if isfinite(value := float(text)))


def _nothing(found: int) -> Missing:
    return Missing(Why.NO_DATA, f"{found} series, none of them a finite number" if found else "no series")
