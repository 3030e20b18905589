"""Time for cases on an ordinary loop: limits that are over when the case says so, however slow the machine is."""

import asyncio


def put_forward(seconds):
    """Have the running loop's time pass at once by so many seconds: timers that end within them are due."""
    loop = asyncio.get_running_loop()
    before = loop.time
    loop.time = lambda: before() + seconds
