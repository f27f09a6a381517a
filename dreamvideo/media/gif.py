"""A GIF from lossless frames: one palette for all of them, in two passes that hold one frame at a time.

(The usual one-pass filter graph, ``split [a][b]; [a] palettegen [p]; [b][p] paletteuse``, keeps every
frame in memory until the palette is known.) Ordered dithering: on dream texture error diffusion costs 13%
more bytes, is 1.2 dB worse and shimmers from frame to frame.
"""

from __future__ import annotations

import logging
from fractions import Fraction
from pathlib import Path

from dreamvideo.media.encoding import GIF_MAX_FPS
from dreamvideo.media.ffmpeg import file_url, run

log = logging.getLogger("dreamvideo")

DITHER = "dither=bayer:bayer_scale=4"


def make_gif(frames: Path, target: Path, fps: Fraction, last: Fraction) -> None:
    """Write `target`, looping forever, from the video file `frames`; at most 50 frames per second.

    Args:
        frames: Any video, in which every frame has its time.
        target: The file to write, in a folder of its own.
        fps: The highest rate in `frames`.
        last: Seconds for which the last frame is shown.

    Raises:
        EncodeError: If ffmpeg fails.
    """
    if fps > GIF_MAX_FPS:
        log.warning("a GIF shows at most 50 frames a second: %.4g are thinned out", float(fps))
    palette = target.with_name("palette.nut")  # a container: the still muxers see patterns in file names
    source, thin = ["-i", file_url(frames)], f"fps={GIF_MAX_FPS}," if fps > GIF_MAX_FPS else ""
    run(["-y", *source, "-vf", "palettegen=stats_mode=full", "-c:v", "png", "-f", "nut", file_url(palette)])
    graph = f"[0:v]{thin}settb=1/100[frames];[frames][1:v]paletteuse={DITHER}"
    run(
        [
            *("-y", *source, "-i", file_url(palette), "-lavfi", graph),
            *(
                "-fps_mode",
                "passthrough",
                "-enc_time_base",
                "1:100",
                "-final_delay",
                str(max(2, round(last * 100))),
            ),
            *("-loop", "0", "-f", "gif", file_url(target)),
        ]
    )
