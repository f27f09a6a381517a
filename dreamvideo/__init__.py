"""dreamvideo turns video into deep dreams that hold still.

The tour, from the bottom up:

- `dreamvideo.nets` loads a network whose layers have names;
- `dreamvideo.dream` dreams one image by gradient ascent over octaves (`ascent`, `octaves`, `objectives`);
- `dreamvideo.motion` sees how frames hang together: flow, reliability, cuts;
- `dreamvideo.carry` brings a dream from frame to frame, and `dreamvideo.clip` runs both over a clip;
- `dreamvideo.media` reads and writes clips with their exact times and sound;
- `dreamvideo.film` is all of it, from a file to a file; `dreamvideo.cli` is the command line.

Nothing heavy is imported here. In a program::

    from pathlib import Path
    from dreamvideo.film import dream_file
    from dreamvideo.nets import load_network
    from dreamvideo.settings import DreamSettings, Recipe

    network = load_network("vgg16-lite")
    dream_file(Path("in.mp4"), Path("out.mp4"), network, Recipe(DreamSettings(layers=(("conv5_1", 1.0),))))
"""

__version__ = "0.1.0"
