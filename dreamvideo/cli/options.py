"""The options that several commands share, each said once, and what the user types in them -> settings.

The defaults come from the settings and stand nowhere else.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from dreamvideo.errors import ScheduleError
from dreamvideo.schedule import Schedule
from dreamvideo.settings import DEVICES, MOST_DETAIL, PRECISIONS
from dreamvideo.targets import LOOKS, split_weight

MOST_DIGITS = 9  # of a whole number; and no exponents in a rate: 1e999999999 is a long wait
_RATE = re.compile(r"\d{1,9}(\.\d{0,9}|/\d{1,9})?|\.\d{1,9}")


def number(text: str | float) -> float:
    """`1.5`, or a schedule like `0:1, 2s:1.5`: a setting of type `settings.Number`."""
    try:
        return float(text)
    except ValueError:
        return schedule(str(text))  # type: ignore[return-value]  # what `settings.Number` is when it runs


def whole(text: str | int) -> int:
    """`10`, or a schedule, whose values are rounded: a setting of type `settings.Whole`."""
    if isinstance(text, int) or _is_count(text.strip().removeprefix("-")):
        return int(text)
    return schedule(text)  # type: ignore[return-value]  # as above


def long_side(text: str | int) -> int:
    """`640`, or `native`: as large as can be, for a picture is never enlarged."""
    if text == "native":
        return MOST_DETAIL
    if isinstance(text, int) or _is_count(text):
        return int(text)
    raise typer.BadParameter(f"{text!r} is not a number of px, nor native.")


def schedule(text: str) -> Schedule:
    try:
        return Schedule(text)
    except ScheduleError as error:
        raise typer.BadParameter(str(error)) from None


Output = Annotated[
    str,
    Option(
        "--output",
        "-o",
        metavar="OUT",
        help="What to make, by its ending: mp4, mov, webm, mkv, gif, webp, apng, avif, png, jpg; "
        "or a folder.",
    ),
]
FilmOutput = Annotated[
    str,
    Option(
        "--output",
        "-o",
        metavar="OUT",
        help="What to make, by its ending: mp4, mov, webm, mkv, gif, webp, apng, avif; or a folder.",
    ),
]
Overwrite = Annotated[bool, Option("--overwrite", help="Replace the output if it exists.")]
Fresh = Annotated[
    bool, Option("--fresh", help="Start over instead of going on where an earlier run was stopped.")
]
EstimateOption = Annotated[
    bool,
    Option("--estimate", help="Dream three frames, and tell what time and room the whole will take."),
]
PreviewOption = Annotated[
    bool, Option("--preview", help="Make a small fast version of the whole, as OUT-preview.")
]
PrecisionOption = Annotated[
    str,
    Option(
        "--precision",
        metavar="|".join(PRECISIONS),
        help="What a GPU computes with; half is several times faster, and comes to another dream.",
    ),
]
KeepJob = Annotated[
    bool, Option("--keep-job", help="Keep the finished parts (OUT.dreamjob) when the output is complete.")
]
Start = Annotated[str, Option(metavar="TIME", help="Where to begin: seconds, or 1:02.5.")]
End = Annotated[str | None, Option(metavar="TIME", help="Where to end; default: with the clip.")]
Platform = Annotated[
    str | None,
    Option("--for", metavar="PLATFORM", help="Keep to what this place takes; see `dreamvideo platforms`."),
]
MaxSize = Annotated[
    str | None,
    Option("--max-size", metavar="SIZE", help="Bytes the file may have, like 8MB; gives up size for it."),
]
RecipeFile = Annotated[
    Path | None,
    Option(
        "--recipe",
        metavar="FILE",
        readable=False,
        help="Take every setting that is not given here from this film, animation, still or .toml file.",
    ),
]
NoRecipe = Annotated[bool, Option("--no-recipe", help="Do not write the settings into the output.")]
Workers = Annotated[
    int | None,
    Option(min=1, help="Share the work out to so many processes; with --ray to so many workers at most."),
]
Devices = Annotated[
    str | None,
    Option(
        metavar="DEVICE,...",
        help="Share the work out to a process on each of these: cuda:0,cuda:1; one may be named twice.",
    ),
]
Ray = Annotated[
    str | None,
    Option(
        metavar="HOST:PORT|auto|local",
        help="Share the work out to a Ray cluster: at an address, that of this machine, or a new one here.",
    ),
]
NoShared = Annotated[
    bool,
    Option(
        "--no-shared", help="The machines of --ray share no folder: clips and results travel through Ray."
    ),
]
Shots = Annotated[
    str | None,
    Option(
        metavar="A-B",
        help="Render only these shots, counted from 0, into OUT.dreamjob; `dreamvideo join` makes the film.",
    ),
]
Quiet = Annotated[bool, Option("--quiet", "-q", help="Say nothing but warnings and errors.")]
AsJson = Annotated[bool, Option("--json", help="Print a report for machines at the end.")]

PlotSchedule = Annotated[
    bool, Option("--plot-schedule", help="Draw the schedules in the terminal, and stop.")
]

Model = Annotated[str, Option(help="auto, vgg16, vgg16-lite, or a classifier of torchvision.")]
Weights = Annotated[
    Path | None, Option(readable=False, help="File with the network's weights (.pth, .safetensors).")
]
Device = Annotated[str, Option(metavar="|".join(DEVICES), help="Where to compute.")]

Layers = Annotated[
    list[str] | None,
    Option(
        "--layer",
        help="Layer to dream, like conv4_3; conv4_3:12,40 some of its channels; conv4_3:12@0.5,0.5 one "
        "neuron; conv4_3=0.5 with a weight or a schedule for it, below 0 to push away; may be given several "
        "times.",
    ),
]
Classes = Annotated[
    list[str] | None,
    Option(
        "--class",
        help="Class to dream, a name of ImageNet or its index: 'sea snake', or 'sea snake=0.5'; "
        "may be given several times.",
    ),
]
LookOption = Annotated[
    str | None,
    Option("--look", metavar="|".join(LOOKS), help="Early, middle or late layers, for any network."),
]
Guide = Annotated[
    Path | None,
    Option(
        metavar="PICTURE|CLIP",
        readable=False,
        help="Dream towards what is seen in another picture, or in a clip or folder frame by frame.",
    ),
]
Mask = Annotated[
    Path | None,
    Option(
        metavar="PICTURE|CLIP",
        readable=False,
        help="Dream only where this is white; a clip goes with the source in time.",
    ),
]
KeepColour = Annotated[
    bool, Option("--keep-colour", help="Keep the source's colours: the dream changes the light alone.")
]
Octaves = Annotated[int, Option(help="Sizes the picture is dreamed at.")]
OctaveScale = Annotated[float, Option(help="Size ratio between neighbouring octaves.")]
Steps = Annotated[
    int, Option(parser=whole, metavar="NUMBER", help="Gradient steps per octave where a dream begins anew.")
]
StepSize = Annotated[
    float, Option(parser=number, metavar="NUMBER", help="Mean change per pixel and step, pictures in [0, 1].")
]
Natural = Annotated[
    float,
    Option(
        parser=number,
        metavar="NUMBER",
        help="Colours: 0 is the gradient's own rainbow, 1 as in photographs, nearly grey.",
    ),
]
Smooth = Annotated[
    float,
    Option(
        parser=number,
        metavar="NUMBER",
        help="Blur of each gradient, sigma in px; finer grain does not survive being carried.",
    ),
]
JitterSize = Annotated[int, Option("--jitter", help="Largest random shift before a step, px.")]
Seed = Annotated[int, Option(help="Decides all that is random.")]

Strength = Annotated[
    float, Option(parser=number, metavar="NUMBER", help="How much of the dream is added to the source.")
]
Detail = Annotated[
    int,
    Option(
        parser=long_side,
        metavar="PX",
        help="Long side the dream is computed at, px, or native: the source's own size.",
    ),
]
Size = Annotated[str | None, Option(metavar="WxH", help="Size of the output; default: the source's own.")]
Fps = Annotated[
    str | None,
    Option(metavar="FPS", help="Frames per second, like 25 or 30000/1001; default: the source's own times."),
]
Crf = Annotated[int, Option(help="Quality of H.264 and VP9: lower is better and larger.")]
NoAudio = Annotated[bool, Option("--no-audio", help="Leave the sound out.")]


def parse_weighted(texts: Sequence[str] | None, option: str) -> tuple[tuple[str, float], ...]:
    """`conv4_3` or `conv4_3=0.5` -> (what, weight) pairs."""
    pairs = []
    for text in texts or ():
        what, weight = split_weight(text)
        try:
            pairs.append((what, number(weight)))
        except typer.BadParameter as error:
            raise typer.BadParameter(error.message, param_hint=option) from None
    return tuple(pairs)


def parse_pair(text: str, option: str) -> tuple[float, float]:
    """`0.5,0.4`, or two numbers or schedules with a semicolon between: `0:0.1, 2s:0; 0.2`."""
    first, mark, second = text.partition(";" if ";" in text else ",")
    if not mark:
        raise _bad(option, text, "two numbers like 0.5,0.4, or two schedules as in '0:0.1, 2s:0; 0.2'")
    try:
        return number(first), number(second)
    except typer.BadParameter as error:
        raise typer.BadParameter(error.message, param_hint=option) from None


def parse_size(text: str | None, option: str) -> tuple[int, int] | None:
    """`1280x720` -> (1280, 720)."""
    if text is None:
        return None
    width, cross, height = text.lower().partition("x")
    if not (cross and _is_count(width) and _is_count(height)):
        raise _bad(option, text, "a size like 1280x720")
    return int(width), int(height)


def parse_fps(text: str | None, option: str) -> Fraction | None:
    """`25`, `29.97` or `30000/1001` -> exactly that fraction."""
    if text is None:
        return None
    try:
        if _RATE.fullmatch(text.strip()):
            return Fraction(text.strip())
    except ZeroDivisionError:
        pass
    raise _bad(option, text, "frames per second like 25 or 30000/1001")


def parse_bytes(text: str | None, option: str) -> int | None:
    """`8MB`, `500 kB`, `9.5MiB` or `8000000` -> bytes."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,6})?) *([kKmMgG]?)(i?)[bB]?", text.strip())
    if match is None:
        raise _bad(option, text, "a size like 8MB or 500kB")
    step = 1024 if match[3] else 1000
    return int(Fraction(match[1]) * step ** " kmg".index(match[2].lower() or " "))


def parse_seconds(text: str | None, option: str) -> float | None:
    """`12.5`, `1:02.5` or `1:00:00` -> seconds."""
    if text is None:
        return None
    seconds = 0.0
    try:
        for part in text.split(":"):
            seconds = seconds * 60 + float(part)
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds):
        raise _bad(option, text, "seconds like 12.5, or 1:02.5")
    return seconds


def _is_count(text: str) -> bool:
    return text.isdecimal() and len(text) <= MOST_DIGITS


def _bad(option: str, text: str, wanted: str) -> typer.BadParameter:
    return typer.BadParameter(f"'{text[:60]}': write {wanted}", param_hint=option)
