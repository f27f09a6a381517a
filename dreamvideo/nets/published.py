"""Weights that torchvision publishes: where, how large, fetched with a resume and a check of their hash."""

from __future__ import annotations

import os
import re
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path

from dreamvideo.errors import DreamVideoError, UnknownNameError, WeightsError
from dreamvideo.nets.torchvision_nets import import_models, torchvision_names
from dreamvideo.nets.weights import sha256_of
from dreamvideo.progress import Progress, no_progress

SECONDS_TO_ANSWER = 10.0  # until a server that says nothing counts as out of reach
CHUNK = 1 << 18  # bytes between two looks at the progress
_HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,64})\.pth$")


@dataclass(frozen=True)
class Published:
    """A file of weights that can be had.

    Attributes:
        file: its name; ends in the first digits of its SHA-256. megabytes: its size, 0 if unknown.
    """

    model: str
    url: str
    file: str
    megabytes: float


def published(model: str) -> Published:
    """What torchvision's own table says of the weights of `model` (the ImageNet ones it recommends).

    Raises:
        UnknownNameError: it has none. DreamVideoError: no usable torchvision.
    """
    models = import_models()
    if model not in torchvision_names():
        raise UnknownNameError(
            "network to pull", model, torchvision_names(), "`dreamvideo models` lists them"
        )
    weights = models.get_model_weights(model).DEFAULT
    size = float(weights.meta.get("_file_size", 0.0))
    return Published(model, weights.url, weights.url.rsplit("/", 1)[-1], size)


def pull(wanted: Published, folder: Path, progress: Progress = no_progress) -> Path:
    """Fetch a file into `folder`, going on where an earlier try broke off; returns its path.

    It appears under its name only when it is complete and its hash is right.

    Args:
        progress: in megabytes.

    Raises:
        WeightsError: it is damaged. DreamVideoError: the server cannot be reached, or broke off.
    """
    target, part = folder / wanted.file, folder / f".{wanted.file}.part"
    if target.is_file() and has_its_hash(target):
        return target
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _fetch(wanted.url, part, progress)
    except urllib.error.HTTPError as error:
        error.close()
        raise _out_of_reach(wanted, folder, f"the server answers {error.code}") from error
    except (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        raise _out_of_reach(wanted, folder, str(reason) or type(error).__name__) from error
    except OSError as error:
        raise DreamVideoError(f"cannot write into {folder}: {error.strerror}") from error
    if not has_its_hash(part, wanted.file):
        part.unlink()
        raise WeightsError(
            f"{wanted.file} arrived damaged (its hash is wrong) and was removed: pull it again"
        )
    os.replace(part, target)
    return target


def has_its_hash(path: Path, name: str | None = None) -> bool:
    """Whether a file's SHA-256 begins as its name (or `name`) says; True where that says nothing."""
    found = _HASH_IN_NAME.search(name or path.name)
    return found is None or sha256_of(path).startswith(found[1])


def _fetch(url: str, part: Path, progress: Progress) -> None:
    """Load what is missing of `part`; it may already be all there."""
    done = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={done}-"} if done else {})
    try:
        answer: HTTPResponse = urllib.request.urlopen(request, timeout=SECONDS_TO_ANSWER)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # nothing lies behind what we have
            error.close()
            return
        raise
    with answer, part.open("ab" if answer.status == 206 else "wb") as file:
        done = file.tell()
        length = answer.headers.get("Content-Length")
        expected = done + int(length) if length else None
        while chunk := answer.read(CHUNK):
            file.write(chunk)
            done += len(chunk)
            progress(done >> 20, expected and expected >> 20)
    if expected is not None and done < expected:
        raise ConnectionError(
            f"broke off after {done >> 20} of {expected >> 20} MB; the same command goes on"
        )


def _out_of_reach(wanted: Published, folder: Path, reason: str) -> DreamVideoError:
    return DreamVideoError(
        f"cannot fetch {wanted.file} ({reason}): try again, or fetch it on another machine and put it "
        f"into {folder}"
    )
