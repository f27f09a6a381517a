"""dreamvideo turns video into deep dreams that hold still.

The tour, from the bottom up:

- `dreamvideo.nets` loads a network whose layers have names;
- `dreamvideo.dream` dreams one image by gradient ascent over octaves (`ascent`, `graphed`, `tiles`,
  `octaves`, `objectives`, `measures`);
- `dreamvideo.visualize` draws, from noise, what channels, neurons and classes like to see (`excitement`);
- `dreamvideo.motion` sees how frames hang together: flow, reliability, cuts, fades;
- `dreamvideo.spans` looks ahead and says where keys should be, `dreamvideo.carry` brings a dream from
  frame to frame, `dreamvideo.keys` dreams on what arrived, and `dreamvideo.clip` runs them over a clip;
- `dreamvideo.prefetch` lets stages run beside one another, and `dreamvideo.cores` keeps them apart;
- `dreamvideo.recipe` writes all settings of a run as text, and reads them again;
- `dreamvideo.zoom` falls through nested dreams; `camera` moves and resamples, `schedule` and `course` give
  the settings of every frame;
- `dreamvideo.media` reads and writes clips with their exact times and sound;
- `dreamvideo.film` is a dreamed clip as a `render`: segments, and the state between them;
- `dreamvideo.jobs` runs a render to its end, from a file to a file, whatever stops it on the way;
- `dreamvideo.farm` has several processes, devices or machines render the shots of a clip;
- `dreamvideo.cli` is the command line, and `dreamvideo.studio` the same as a page in the browser.

Nothing heavy is imported here. In a program::

    from pathlib import Path
    from dreamvideo.jobs.dream import dream_file
    from dreamvideo.nets import load_network
    from dreamvideo.settings import DreamSettings, Recipe

    network = load_network("vgg16-lite")
    dream_file(Path("in.mp4"), Path("out.mp4"), network, Recipe(DreamSettings(layers=(("conv5_1", 1.0),))))
"""

import os

# Read by OpenCV when it is loaded. Larger pictures are refused: a few kilobytes can claim to hold any size.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(50 << 20))
os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")  # what it says of a damaged file, we say in a line
# Threads without work wait for it busily, on a core that something else may want (see `cores`). GNU's OpenMP,
# which torch computes with, does so for some 10 ms; now for 0.1, if torch was not imported before.
os.environ.setdefault("GOMP_SPINCOUNT", "5000")
if (os.cpu_count() or 1) <= 2:  # OpenCV has the core that a step leaves, and no more
    os.environ.setdefault("OPENCV_FOR_THREADS_NUM", "1")

__version__ = "0.1.0"
