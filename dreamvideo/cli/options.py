"""The options that several commands share, each said once.

The defaults come from the settings and stand nowhere else.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Option

from dreamvideo.cli.typed import long_side, number, whole
from dreamvideo.settings import DEVICES, PRECISIONS
from dreamvideo.targets import LOOKS

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
        help="What is computed with: half is several times faster, on a GPU, and comes to another dream; "
        "double comes to the same on CPU and GPU, and is four to ten times slower.",
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
        help="Dream towards what is seen in another picture, or in a clip or folder frame by frame; "
        "with no layer and look, in the layer of the look creatures.",
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
    int,
    Option(
        parser=whole,
        metavar="NUMBER",
        help="Gradient steps per octave where a dream begins anew; fine octaves take fewer and larger ones.",
    ),
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
JitterSize = Annotated[
    int, Option("--jitter", help="Largest random shift before a step, px; an eighth of it towards a guide.")
]
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
