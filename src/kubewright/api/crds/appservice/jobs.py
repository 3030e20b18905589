"""How a job runs to its end."""

from __future__ import annotations

from typing import Annotated, ClassVar

from kubewright.api.described import Rule, described
from kubewright.api.meta import Leaf

_COUNT = {"format": "int32", "minimum": 0}
_AT_LEAST_ONE = {"format": "int32", "minimum": 1}
_SECONDS = {"format": "int64", "minimum": 1}
CONCURRENCY = ("Allow", "Forbid", "Replace")


class AppServiceJob(Leaf, frozen=True):
    """How a job runs to its end, and what a schedule does when the one before still runs."""

    completions: Annotated[int, described("How many pods must succeed; 1 by default.", _AT_LEAST_ONE)] = 1
    parallelism: Annotated[int, described("How many run at once; 1 by default.", _AT_LEAST_ONE)] = 1
    indexed: Annotated[bool, described("Give each pod a number of its own, JOB_COMPLETION_INDEX.")] = False
    retries: Annotated[int, described("How often a pod may fail; 6 by default.", _COUNT)] = 6
    deadline_seconds: Annotated[int, described("How long it may take.", _SECONDS)] = 0
    keep_seconds: Annotated[int, described("How long it is kept when it has ended; else for ever.", _COUNT)] = 0
    time_zone: Annotated[str, described("The time zone of the schedule, such as Europe/Berlin.")] = ""
    concurrency: Annotated[
        str,
        described(
            "What a schedule does when the job before still runs.",
            {"enum": list(CONCURRENCY)},
            publish_default=True,
        ),
    ] = "Forbid"
    starting_deadline_seconds: Annotated[
        int, described("How late a job may still be started; 300 by default.", _SECONDS)
    ] = 300
    suspend: Annotated[bool, described("Start nothing for now.")] = False

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!has(self.parallelism) || !has(self.completions) || self.parallelism <= self.completions",
            "no more pods than completions run at once: lower parallelism",
            ".parallelism",
        ),
    )
