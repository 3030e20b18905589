"""A trace in openb's CSV format as a day: the 24 hours in which the most was asked for.

Nodes: sn, cpu_milli, memory_mib, gpu, model. Pods: name, cpu_milli, memory_mib, num_gpu, gpu_milli, gpu_spec,
creation_time, deletion_time (seconds). What runs when the day begins is asked for at its first second. A trace says
what pods request, not what they use: use is taken to be all of it, so a replay of one compares what is allocated.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from zlib import crc32

from kubewright.api.core import Node
from kubewright.devices.requests import MOST_GPUS
from kubewright.errors import ErrorKind, OpError
from kubewright.replay.making import WHOLE_MILLI, node
from kubewright.replay.workload import DAY_SECONDS, Day, Request, Work

NODE_COLUMNS = ("sn", "cpu_milli", "memory_mib", "gpu", "model")
POD_COLUMNS = ("name", "cpu_milli", "memory_mib", "num_gpu", "gpu_milli", "creation_time", "deletion_time")
MOST_ROWS = 1_000_000
MOST_NUMBER = 10**12
TEAMS = 10
"""A trace names none: pods are given to so many by their names."""
Row = Mapping[str, str | None]


def read_day(nodes: Path, pods: Path) -> Day:
    """Return the day of a trace; raises OpError that names file, line and reason."""
    there = tuple(_node(row, nodes, line) for line, row in _rows(nodes, NODE_COLUMNS))
    _once([each.metadata.name for each in there], nodes)
    works = [_work(row, pods, line) for line, row in _rows(pods, POD_COLUMNS)]
    if not there or not works:
        raise _wrong(nodes if not there else pods, 1, "there is no row below the header")
    _once([each.name for each in works], pods)
    begin = _busiest(works)
    end = begin + DAY_SECONDS
    kept = [_within(each, begin) for each in works if each.at < end and each.at + each.seconds > begin]
    return Day(f"{pods.name} on {nodes.name}", TEAMS, there, tuple(sorted(kept, key=lambda each: (each.at, each.name))))


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, Row]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file, strict=True)
            missing = [each for each in columns if each not in (reader.fieldnames or ())]
            if missing:
                raise _wrong(path, 1, f"the header lacks {', '.join(missing)}")
            for count, row in enumerate(reader):
                if count >= MOST_ROWS:
                    raise _wrong(path, reader.line_num, f"there are more than {MOST_ROWS:,} rows")
                if None in row or any(row[each] is None for each in columns):
                    raise _wrong(path, reader.line_num, "the number of fields is not the header's")
                yield reader.line_num, row
    except (csv.Error, UnicodeDecodeError) as error:
        raise _wrong(path, 0, str(error)) from error
    except OSError as error:
        raise OpError("replay", ErrorKind.INVALID, str(path), error.strerror or str(error)) from error


def _node(row: Row, path: Path, line: int) -> Node:
    name = _text(row, "sn", path, line)
    gpus = _number(row, "gpu", path, line, most=MOST_GPUS)
    cpu, memory = (_number(row, each, path, line, least=1) for each in ("cpu_milli", "memory_mib"))
    return node(name, cpu, memory, gpus=gpus, model=(row["model"] or "unknown") if gpus else "")


def _work(row: Row, path: Path, line: int) -> Work:
    name = _text(row, "name", path, line)
    cpu, memory = (_number(row, each, path, line) for each in ("cpu_milli", "memory_mib"))
    gpus = _number(row, "num_gpu", path, line, most=MOST_GPUS)
    milli = _number(row, "gpu_milli", path, line, most=WHOLE_MILLI)
    if gpus and not milli:
        raise _wrong(path, line, f"num_gpu is {gpus} and gpu_milli is 0")
    begin, end = (_number(row, each, path, line) for each in ("creation_time", "deletion_time"))
    if end < begin:
        raise _wrong(path, line, f"deletion_time {end} is before creation_time {begin}")
    models = tuple(sorted(filter(None, (row.get("gpu_spec") or "").split("|")))) if gpus else ()
    request = Request(cpu, memory, gpus, milli if gpus else WHOLE_MILLI, models)
    return Work(name, crc32(name.encode()) % TEAMS, "trace", float(begin), float(max(end - begin, 1)), request)


def _text(row: Row, column: str, path: Path, line: int) -> str:
    text = (row[column] or "").strip()
    if not text or not text.isprintable() or len(text) > 253:  # noqa: PLR2004  what a name may be
        raise _wrong(path, line, f"{column} is not a name of 1 to 253 printable characters")
    return text


def _number(row: Row, column: str, path: Path, line: int, *, least: int = 0, most: int = MOST_NUMBER) -> int:
    text = (row[column] or "0").strip()
    try:
        number = int(text)
    except ValueError:
        raise _wrong(path, line, f"{column} is no whole number: {text[:40]!r}") from None
    if not least <= number <= most:
        raise _wrong(path, line, f"{column} is {number}, not between {least} and {most}")
    return number


def _once(names: list[str], path: Path) -> None:
    seen: set[str] = set()
    for place, name in enumerate(names):
        if name in seen:
            raise _wrong(path, place + 2, f"{name} is there twice")
        seen.add(name)


def _busiest(works: list[Work]) -> float:
    """Return the beginning of the day, counted from the trace's first second, in which the most pods came."""
    first = min(each.at for each in works)
    counts: dict[int, int] = {}
    for each in works:
        day = int((each.at - first) // DAY_SECONDS)
        counts[day] = counts.get(day, 0) + 1
    busiest = min(counts, key=lambda day: (-counts[day], day))
    return first + busiest * DAY_SECONDS


def _within(work: Work, begin: float) -> Work:
    at = max(work.at - begin, 0.0)
    return Work(work.name, work.team, work.sort, at, work.at + work.seconds - begin - at, work.request)


def _wrong(path: Path, line: int, why: str) -> OpError:
    where = f"{path}:{line}" if line else str(path)
    return OpError("replay", ErrorKind.INVALID, where, why)
