"""`kubewright demo`: its options, and what it prints."""

from __future__ import annotations

import asyncio
import json
import logging

import click


@click.command()
@click.option("--for", "seconds", type=click.FloatRange(min=5), default=60.0, show_default=True, help="Seconds to run.")
@click.option("--nodes", type=click.IntRange(min=2), default=5, show_default=True, help="Simulated nodes.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of everything that is random.")
@click.option("--json", "as_json", is_flag=True, help="Print what happened as JSON, and nothing else.")
def demo(seconds: float, nodes: int, seed: int, as_json: bool) -> int:
    """Show applications being deployed, broken, repaired and scaled on an embedded cluster.

    Ends with exit code 0 if every application is ready and every fault was mended.
    """
    from kubewright.cli.demo.play import play
    from kubewright.clock import Clock
    from kubewright.runtime.heap import keep_many_objects

    logging.basicConfig(level=logging.ERROR)
    keep_many_objects()
    story = asyncio.run(play(Clock.wall(), seconds, nodes, seed, show=not as_json))
    if as_json:
        click.echo(json.dumps(story.summary(), indent=2))
    return 0 if story.all_well() else 1
