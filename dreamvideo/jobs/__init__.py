"""Renders that survive anything: the job folder beside an output, and what goes on in it.

::

    OUT.dreamjob/
        lock            held by the process that works here
        job.json        what decides the film: input, network, settings; written with the first part
        parts/          00000000-00000180.mkv   frames 0 to 179, lossless
                        00000000-00000180.json  when each is shown, and the hash of the file
        states/         00000180.npz            what frame 180 needs of those before it
        work-*/         the unfinished film; nobody's once the lock is free

    lock        who works here
    folder      the folder: made, taken, described, removed
    inputs      the files that are read: hashed, watched
    parts       finished frames
    state       a dataclass of arrays and plain values as a file
    stop        Ctrl-C and SIGTERM as a wish
    run         a render, from where it was to its end
    dream       the job of `dreamvideo dream`
    listing     which jobs there are, and their removal
    process     our own processes, as the studio starts them

A part is finished every 20 seconds of work, so a short render leaves nothing behind even when it is killed.
A film is always encoded once, from its first frame: a render that goes on feeds the encoder its parts first.
"""
