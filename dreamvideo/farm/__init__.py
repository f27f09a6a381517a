"""Pieces of a render, made by several processes, devices or machines in the folder of one job.

Nothing of a dream crosses a cut, so shots can be rendered in any order and at any place: each is a chain of
parts in the job's folder (see `jobs`), like any other. The frames of a fall and the batches of a sheet are
such pieces as well. Of a clip there is also::

    OUT.dreamjob/
        farm.json       the shots, and what a worker must be told: see `task`

    shots       where the shots begin, and what is left of them to render
    task        all that a worker must be told
    work        a task opened: how a piece of it is rendered
    pool        what a group of workers must be able to do
    processes   workers as processes of this machine
    worker      such a process
    ray_pool    workers as actors on a Ray cluster
    ray_worker  such an actor
    cluster     the cluster: joined, and its nodes looked at
    parcels     files as bytes, for workers that do not see the job's folder
    share       pieces given out, again where a worker was lost
    run         a film whose pieces are given out, encoded as they come in
    drive       a clip dreamed so, from a file to a file
    falls       a fall into a picture, likewise
    sheets      a sheet of pictures, likewise
    chosen      which shots a farm manager asks for
    ranges      these rendered in this process, and left in the job's folder
    join        the parts that lie there, put together
"""
