"""Numbers that change over a film, as text: ``"0:1.02, 2.5s:1.1 ease:inOutSine, 50%:sin(2*pi*p), 100%:1"``.

::

    expression  arithmetic, by a whitelist over Python's syntax tree
    eases       how a value goes from one number to the next
    keys        keys with their values -> a value for every frame
    clock       what a schedule may ask of a film: its length, rate, seed and sound
"""

from dreamvideo.schedule.clock import FilmClock
from dreamvideo.schedule.keys import Schedule

__all__ = ["FilmClock", "Schedule"]
