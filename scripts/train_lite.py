"""Train vgg16-lite: distil a teacher on crops of photographs. Resumable, on a GPU or on two CPU cores.

    python scripts/train_lite.py --teacher FILE --images FOLDER [--more FOLDER] --out FILE --minutes 90

Beside OUT lie `OUT.checkpoint.pt` (the same command goes on from it), `OUT.start` (`--start` begins another
run with it), `OUT.settings.json` and `OUT.curve.jsonl`. OUT itself is written at every checkpoint: averaged
weights, BatchNorm folded, fp16.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import time
from pathlib import Path

import torch
from lite.dreamed import DreamPool
from lite.losses import losses, weights_of_losses
from lite.muon import Muon
from lite.photographs import (
    Photographs,
    centre_crop,
    mix,
    pictures_in,
    recolour,
    roughen,
    split_photographs,
)
from lite.student import Student, Teacher, fold, load_tensors, normalise
from safetensors.torch import save_file
from torch import Tensor

HELD_OUT = 128  # photographs never trained on
SPLIT_SEED = 3  # which they are: the same for every run
COMMON_SIZE = 128  # px, of the crops among which dreams are mixed
POOL = 2  # dreams under way, of each network, times the batch
STEADY = 0.3  # share of the time at the full learning rate; after it, linearly to zero


def crop_size(progress: float, step: int) -> tuple[int, float]:
    """Side of this step's crops in pixels, and the smallest square as a share of a photograph's short side.

    Small ones first: more photographs per second. Larger ones later, because a network that has seen only
    96 px, where every position is near a border, misjudges whole photographs.
    """
    cycle = ((128, 0.25), (160, 0.35), (128, 0.25), (192, 0.4))
    if progress < 0.15:
        cycle = ((96, 0.2), (128, 0.25))
    if progress >= 0.7:
        cycle = ((128, 0.25), (224, 0.5))
    return cycle[step % len(cycle)]


class Training:
    """One run: the networks, their optimisers, what was spent so far."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.device = torch.device(options.device)
        torch.manual_seed(options.seed)
        self.generator = torch.Generator(self.device).manual_seed(options.seed)
        training, self.held_out = split_photographs(options.images, HELD_OUT, SPLIT_SEED)
        more = pictures_in(options.more) if options.more else []
        self.photographs = Photographs(training, self.device, more, options.more_share if more else 0.0)
        layout = {"memory_format": torch.channels_last}
        self.teacher = Teacher(options.teacher).to(self.device, **layout)
        self.student = Student()
        if options.start:
            self.student.load_state_dict(load_tensors(options.start))
        self.student.to(self.device, **layout).train()
        kernels = [p for n, p in self.student.named_parameters() if n.startswith("conv")]
        others = [p for n, p in self.student.named_parameters() if not n.startswith("conv")]
        self.rates = (options.lr, options.lr_head)
        self.optimisers = [
            Muon(kernels, options.lr),
            torch.optim.AdamW(others, options.lr_head, weight_decay=0.01),
        ]
        self.average = {n: t.detach().clone().float() for n, t in self.student.state_dict().items()}
        self.pools: list[DreamPool] = []
        self.stopping = False
        self.spent = {"seconds": 0.0, "crops": 0, "step": 0}
        self.checkpoint = options.out.with_suffix(".checkpoint.pt")
        if self.checkpoint.exists():
            self._resume()
        self.variances = self._variances()

    def autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16)

    def crops(self, count: int, size: int, smallest: float) -> Tensor:
        return recolour(self.photographs.crops(count, size, smallest, self.generator), self.generator)

    def _variances(self) -> dict[str, Tensor]:
        """Variance of every channel of the teacher's taps over some crops, with a floor for dead ones."""
        with torch.no_grad(), self.autocast():
            taps, classes = self.teacher(normalise(self.crops(512, 96, 0.2)))
        found = {name: tap.float().var(dim=(0, 2, 3)) for name, tap in {**taps, "map": classes}.items()}
        return {name: v.clamp(min=0.05 * v.mean()) for name, v in found.items()}

    def progress(self) -> float:
        if self.options.crops:
            return min(1.0, self.spent["crops"] / self.options.crops)
        return min(1.0, self.spent["seconds"] / (60 * self.options.minutes))

    def step(self) -> dict[str, Tensor]:
        """One step of the optimisers on one batch, of about as many pixels whatever the crops' size."""
        progress, step = self.progress(), self.spent["step"]
        size, smallest = crop_size(progress, step)
        images = self.crops(max(8, self.options.batch * 96 * 96 // size**2), size, smallest)
        if size == COMMON_SIZE and progress > self.options.dream_from:
            images = self._dream(images)
        images = mix(images[torch.randperm(len(images), device=self.device)], self.generator)
        clean, rough = (
            normalise(seen).contiguous(memory_format=torch.channels_last)
            for seen in (images, roughen(images, self.generator))
        )
        with self.autocast():
            with torch.no_grad():
                targets = self.teacher(clean)
            found = losses(self.student, self.student(rough), targets, self.variances)
        weights = weights_of_losses(progress)
        total = sum(weights[name] * value for name, value in found.items())
        for optimiser in self.optimisers:
            optimiser.zero_grad(set_to_none=True)
        total.backward()
        rate = min(1.0, (step + 1) / 100) * min(1.0, (1 - progress) / (1 - STEADY))
        for optimiser, peak in zip(self.optimisers, self.rates, strict=True):
            optimiser.param_groups[0]["lr"] = peak * rate
            optimiser.step()
        self._follow(min(0.998, (step + 1) / (step + 10)))
        self.spent["step"] += 1
        self.spent["crops"] += len(images)
        return {name: value.detach() for name, value in found.items()}

    def _dream(self, crops: Tensor) -> Tensor:
        """Some of the crops replaced by dreams of the student, more by dreams of the teacher."""
        if not self.pools:
            for network in (self.student, self.teacher):
                begun = self.crops(POOL * len(crops), COMMON_SIZE, 0.2)
                self.pools.append(DreamPool(network, begun, self.generator))
        counts = [
            int(share * len(crops)) for share in (self.options.dreamed, self.options.dreamed_by_teacher)
        ]
        own, teachers, rest = crops.split([*counts, len(crops) - sum(counts)])
        dreams = [
            pool.advance(part, self.autocast())
            for pool, part in zip(self.pools, (own, teachers), strict=True)
        ]
        return torch.cat([*dreams, rest])

    @torch.no_grad()
    def _follow(self, keep: float) -> None:
        """The averaged weights, which are what ships, follow the trained ones."""
        found = self.student.state_dict()
        torch._foreach_lerp_(
            list(self.average.values()), [found[name].float() for name in self.average], 1 - keep
        )

    @torch.no_grad()
    def agreement(self) -> float:
        """Share of held-out photographs (224 px) where the averaged top-1 is in the teacher's top-5."""
        own = Student().to(self.device, memory_format=torch.channels_last).eval()
        own.load_state_dict({n: t.to(own.state_dict()[n].dtype) for n, t in self.average.items()})
        hits = 0
        for start in range(0, len(self.held_out), 32):
            images = torch.stack([centre_crop(p, 224) for p in self.held_out[start : start + 32]]).to(
                self.device
            )
            images = images.contiguous(memory_format=torch.channels_last)
            with self.autocast():
                best = own.scores(own(normalise(images))[1]).argmax(1, keepdim=True)
                hits += (self.teacher.logits(images).topk(5).indices == best).any(1).sum().item()
        return hits / len(self.held_out)

    def save(self) -> None:
        """The checkpoint and the weights as they would ship, each complete or not there."""
        state = {
            "student": self.student.state_dict(),
            "average": self.average,
            "optimisers": [o.state_dict() for o in self.optimisers],
            "spent": self.spent,
        }
        part = self.checkpoint.with_suffix(".part")
        torch.save(state, part)
        os.replace(part, self.checkpoint)
        tensors = {name: t.half().contiguous().cpu() for name, t in fold(self.average).items()}
        unfolded = {name: t.contiguous().cpu() for name, t in self.average.items()}
        for path, weights in (
            (self.options.out, tensors),
            (self.options.out.with_suffix(".start"), unfolded),
        ):
            part = path.with_suffix(".part")
            save_file(weights, part, metadata=self._metadata())
            os.replace(part, path)

    def _metadata(self) -> dict[str, str]:
        return {
            "recipe": "distilled by scripts/train_lite.py on crops and dreams; see docs/vgg16-lite.md",
            "seed": str(self.options.seed),
            "crops": str(self.spent["crops"]),
            "minutes": f"{self.spent['seconds'] / 60:.0f}",
            "teacher": "SqueezeNet 1.0 on ImageNet (Han et al., SqueezeNet-Deep-Compression), BSD licence",
            "licence": "as dreamvideo; the teacher's BSD licence is named in docs/vgg16-lite.md",
        }

    def _resume(self) -> None:
        state = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
        self.student.load_state_dict(state["student"])
        self.average = state["average"]
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        self.spent = state["spent"]
        self.generator.manual_seed(
            self.options.seed + self.spent["step"]
        )  # new crops, not the first ones again


def train(options: argparse.Namespace) -> None:
    """Steps until the time or the crops are spent; SIGTERM saves and stops."""
    run = Training(options)
    signal.signal(signal.SIGTERM, lambda *_: setattr(run, "stopping", True))
    options.out.with_suffix(".settings.json").write_text(json.dumps(vars(options), default=str, indent=1))
    sums: dict[str, Tensor] = {}
    steps, crops, began, saved = 0, run.spent["crops"], time.monotonic(), time.monotonic()
    before = began
    while run.progress() < 1 and not run.stopping:
        for name, value in run.step().items():
            sums[name] = sums.get(name, 0) + value
        steps += 1
        now = time.monotonic()
        run.spent["seconds"] += now - before
        before = now
        if now - began < options.report and run.progress() < 1 and not run.stopping:
            continue
        line = {name: round(float(total) / steps, 4) for name, total in sums.items()}
        line |= {
            "step": run.spent["step"],
            "crops": run.spent["crops"],
            "minutes": round(run.spent["seconds"] / 60, 2),
        }
        line["crops_per_second"] = round((run.spent["crops"] - crops) / (now - began), 1)
        line["progress"] = round(run.progress(), 4)
        if now - saved > options.save_every or run.progress() >= 1 or run.stopping:
            line["agreement"] = round(run.agreement(), 4)
            run.save()
            saved = time.monotonic()
        with options.out.with_suffix(".curve.jsonl").open("a") as curve:
            curve.write(json.dumps(line) + "\n")
        print(line, flush=True)
        sums, steps, crops, began = {}, 0, run.spent["crops"], time.monotonic()


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--teacher", type=Path, required=True, help="SqueezeNet 1.0's ImageNet weights")
    parser.add_argument("--images", type=Path, required=True, help="folder of photographs")
    parser.add_argument("--out", type=Path, required=True, help="the safetensors file to write")
    parser.add_argument(
        "--start", type=Path, help="begin with the weights that another run left as `OUT.start`"
    )
    parser.add_argument("--more", type=Path, help="folder of other pictures to train on")
    parser.add_argument("--more-share", type=float, default=0.25, help="share of the crops cut from those")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--minutes", type=float, default=90, help="train so long (the schedule follows)")
    length.add_argument("--crops", type=int, default=0, help="train on so many crops instead")
    parser.add_argument("--batch", type=int, default=96, help="crops of 96 px per step; fewer of larger ones")
    parser.add_argument("--lr", type=float, default=0.02, help="Muon: step relative to the weights' length")
    parser.add_argument("--lr-head", type=float, default=1.2e-3, help="AdamW: norms, projections, head")
    parser.add_argument(
        "--dreamed", type=float, default=0.15, help="share of own dreams in the 128 px batches"
    )
    parser.add_argument(
        "--dreamed-by-teacher", type=float, default=0.35, help="share of the teacher's dreams there"
    )
    parser.add_argument("--dream-from", type=float, default=0.15, help="progress at which dreams come in")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", type=float, default=20, help="seconds between lines")
    parser.add_argument("--save-every", type=float, default=240, help="seconds between checkpoints")
    options = parser.parse_args()
    if options.device == "auto":
        options.device = "cuda" if torch.cuda.is_available() else "cpu"
    return options


if __name__ == "__main__":
    train(parse())
