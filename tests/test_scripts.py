"""Scripts that need what is not here, as far as they run without it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPTS = Path(__file__).parents[1] / "scripts"


def test_the_benchmark_of_a_gpu_runs_on_a_cpu() -> None:
    command = [sys.executable, SCRIPTS / "bench_gpu.py", "--device", "cpu", "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "| 64x48, full |" in done.stdout and "| 3 x 2 | equal | - | equal |" in done.stdout
