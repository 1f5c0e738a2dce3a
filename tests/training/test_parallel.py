"""Several processes that share every batch train as one does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

WORKER = """
import json, os, sys
import torch
from sentence_transformers import SentenceTransformer
from jargonaut.encoding.devices import ComputeOptions
from jargonaut.encoding.families import Prompts
from jargonaut.records import Triplet
from jargonaut.training import StepDone, StopTraining, TrainOptions, World, train

def stop(event):
    if isinstance(event, StepDone) and event.step == 5:
        raise StopTraining

base, graph_gib = sys.argv[1], float(sys.argv[2])
words = "fever cough rash asthma anaemia gout stroke migraine eczema measles cholera typhoid".split()
queries = {f"q{n}": f"what is {word}" for n, word in enumerate(words)}
passages = {f"p{n}": f"{word} is a condition " * (n + 1) for n, word in enumerate(words)}
examples = [Triplet(f"q{n}", f"p{n}") for n in range(len(words))]
rising = iter([0.1, 0.2, 0.3, 0.4])  # only the first process asks
model = SentenceTransformer(base, device="cpu", local_files_only=True)
done = train(model, Prompts(), examples, queries, passages, {}, {},
             TrainOptions(epochs=9, batch_size=6, lr=1e-4, graph_gib=graph_gib, patience=9),
             ComputeOptions(device="cpu", precision="fp32"),
             score=lambda model: next(rising), callbacks=[stop])
state = model.state_dict()
told = json.dumps({"rank": World.joined().rank, "losses": done.losses, "steps": done.steps, "scores": done.dev_scores,
                  "best": done.best_epoch,
                  "sums": [float(t.double().abs().sum()) for name, t in sorted(state.items())]})
os.write(1, (told + "\\n").encode())  # in one piece: both processes write into one pipe
"""


def trained(command: list[str], base: Path, graph_gib: float) -> list[dict[str, object]]:
    """What each process says of its training."""
    done = subprocess.run(
        [*command, str(base), str(graph_gib)], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


@pytest.mark.slow
@pytest.mark.parametrize("graph_gib", [8.0, 0.0])
def test_two_processes_give_what_one_gives(base_model_path: Path, tmp_path: Path, graph_gib: float) -> None:
    """The same losses and weights in both, graphs kept or gradients cached; a stop by the first one stops both."""
    script = tmp_path / "worker.py"
    script.write_text(WORKER)
    (alone,) = trained([sys.executable, str(script)], base_model_path, graph_gib)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    both = trained(launch, base_model_path, graph_gib)
    assert sorted(told["rank"] for told in both) == [0, 1]  # type: ignore[type-var]
    for told in both:
        assert told["steps"] == alone["steps"] == 5
        assert told["best"] == alone["best"] == 2  # or the weights would be those from before training
        assert told["scores"] == alone["scores"]
        assert told["sums"] == pytest.approx(alone["sums"], rel=1e-3)  # Adam magnifies noise where a gradient is none
        assert [loss for _, loss in told["losses"]] == pytest.approx(  # type: ignore[attr-defined]
            [loss for _, loss in alone["losses"]],
            rel=1e-4,  # type: ignore[attr-defined]
        )
