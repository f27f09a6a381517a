"""`dreamvideo studio`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from typer import Option

from dreamvideo.errors import UsageError

DEFAULT_PORT = 8420
MEGABYTE = 1_000_000


def studio(
    folder: Annotated[
        Path | None, Option(help="Where uploads and dreams are kept; default: in your data folder.")
    ] = None,
    port: Annotated[
        int | None, Option(min=0, max=65535, help=f"Port; default: {DEFAULT_PORT}, or the next that is free.")
    ] = None,
    host: Annotated[
        str, Option(help="Address to serve at; any but this machine's own needs --password.")
    ] = "127.0.0.1",
    password: Annotated[
        str,
        Option(
            envvar="DREAMVIDEO_STUDIO_PASSWORD",
            help="Opens the page to others; better in the environment.",
            show_default=False,
        ),
    ] = "",
    max_upload: Annotated[
        int, Option(min=1, metavar="MB", help="The largest file that can be dropped.")
    ] = 2000,
    no_open: Annotated[bool, Option("--no-open", help="Do not open the browser.")] = False,
) -> int:
    """Open the dream generator as a page in the browser."""
    try:
        from dreamvideo.studio import server
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("starlette", "uvicorn", "fcntl"):
            raise
        wanted = (
            "Linux or macOS"
            if error.name == "fcntl"
            else "two more packages: pip install 'dreamvideo[studio]'"
        )
        raise UsageError(f"the studio needs {wanted}") from error
    from dreamvideo.studio.folders import default_folder
    from dreamvideo.studio.studio import Studio

    place = folder or default_folder()
    with server.alone_in(place):
        room = Studio(place, max_bytes=max_upload * MEGABYTE)
        app, token = server.guarded(room, host, password)
        with server.listen(host, port, DEFAULT_PORT) as listening:
            number = listening.getsockname()[1]
            name = f"[{host}]" if ":" in host else host
            address = f"http://{name}:{number}/" + (f"?token={token}" if not password else "")
            print(f"The studio is open at {address}\nCtrl-C closes it; what is running goes on next time.")
            sys.stdout.flush()
            if password and host not in server.LOOPBACK:
                print(
                    "Others reach it over plain HTTP: use it only in a network that you trust.",
                    file=sys.stderr,
                )
            if not no_open:
                import webbrowser

                webbrowser.open(address)
            server.serve(app, room, listening)
    return 0
