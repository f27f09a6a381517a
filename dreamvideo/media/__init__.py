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
    palette     a histogram of colours -> the palette of a scene
    indexing    frames -> indices that compress well and stand still
    gif_file    the bytes of a GIF
    gif         frames -> a GIF with exact delays
    fit         the best animation of at most so many bytes
    fit_video   the best film of at most so many bytes
    platforms   what platforms take: a dated table
    loop        the part of a clip that returns to its beginning
    export      a clip -> a file to post
    comments    the text that a picture or film carries
    sound       the clip's sound, made ready before the first frame
    writer      frames -> a file that appears when it is complete
    frames      frames -> a folder of PNGs

Nothing here prints: warnings go to ``logging.getLogger("dreamvideo")``, one line each.
"""
