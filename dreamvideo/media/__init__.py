"""Clips in and out: the only place where ffmpeg is run or a container is known.

::

    ffmpeg      find ffmpeg, run it, hold it: stderr drained, always reaped
    timing      packet times -> the exact frame rate, constant or variable
    packets     the times, as ffmpeg lists them
    streams     what ffmpeg's log says of a file
    probe       what is known of a clip before it is decoded
    tags        what a file says of itself: title, comment, ...
    decode      frames with their times, from OpenCV or from ffmpeg
    reader      a clip as an iterator of frames: trimmed, at the rate asked for
    stills      a folder or pattern of numbered pictures, read like a clip
    outputs     what can be written, and whether it can be written there
    encoding    how each kind of file is encoded
    timestamps  frames with their times as a stream that ffmpeg reads
    gif         lossless frames -> a GIF with one palette
    sound       the clip's sound, made ready before the first frame
    writer      frames -> a file that appears when it is complete
    frames      frames -> a folder of PNGs

Nothing here prints: warnings go to ``logging.getLogger("dreamvideo")``, one line each.
"""
