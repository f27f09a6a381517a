"""The shots of a clip, rendered by several processes, devices or machines into the folder of one job.

Nothing of a dream crosses a cut, so shots can be rendered in any order and at any place: each is a chain of
parts in the job's folder (see `jobs`), like any other. Beside them lies::

    OUT.dreamjob/
        farm.json       the shots, and what a worker must be told: see `task`

    shots       where the shots begin, and what is left of them to render
    task        all that a worker must be told; a piece rendered into parts
    pool        what a group of workers must be able to do
    processes   workers as processes of this machine
    worker      such a process
    run         the shots given out, longest first, and the film encoded as they come in
    drive       all of that, from a file to a file
    chosen      which shots a farm manager asks for
    ranges      these rendered in this process, and left in the job's folder
    join        the parts that lie there, put together
"""
