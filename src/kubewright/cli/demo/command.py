"""`kubewright demo`: its options, and what it prints."""

from __future__ import annotations

import json
import logging

import click

from kubewright.cli.terminal import say


@click.command()
@click.option("--for", "seconds", type=click.FloatRange(min=5), default=60.0, show_default=True, help="Seconds to run.")
@click.option(
    "--speed",
    type=click.FloatRange(0.5, 20),
    default=3.0,
    show_default=True,
    help="Seconds of the cluster's time that pass in one; what is shown are the cluster's seconds.",
)
@click.option("--nodes", type=click.IntRange(min=2), default=5, show_default=True, help="Simulated nodes.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of everything that is random.")
@click.option("--dashboard", is_flag=True, help="Show it in a browser, too, as long as it runs: prints the link.")
@click.option("--json", "as_json", is_flag=True, help="Print what happened as JSON, and nothing else.")
def demo(seconds: float, speed: float, nodes: int, seed: int, *, dashboard: bool, as_json: bool) -> int:
    """Show applications being deployed, broken, repaired and scaled on an embedded cluster.

    At last a release crashes, a GPU is lost and a node loses its power: what the healer finds out and does about each
    is told second by second. Goes on after its time until that is over.

    Ends with exit code 0 if every application is ready and every fault was mended.
    """
    from kubewright.cli.demo.play import play
    from kubewright.clock import Clock, run_fast
    from kubewright.runtime.heap import keep_many_objects

    logging.basicConfig(level=logging.ERROR)
    keep_many_objects()
    if dashboard:
        from kubewright.cli.dashboardcalls import need_pages

        need_pages()
    story = run_fast(play(Clock.wall(), seconds * speed, nodes, seed, show=not as_json, pages=dashboard), speed)
    if as_json:
        say(json.dumps(story.summary(), indent=2))
    return 0 if story.all_well() else 1
