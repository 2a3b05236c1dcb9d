"""The page "Your own model": every block of its code, with the libraries that are installed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from pcrec_core.errors import SpecError
from pcrec_core.paths import ROOT

PAGE = (ROOT / "book" / "your_model.md").read_text(encoding="utf-8")
#: The code of each section; what stands before the first heading is shared.
CODE = {
    part.partition("\n")[0]: "".join(re.findall(r"^```python\n(.*?)^```$", part, re.M | re.S))
    for part in re.split(r"^##? ", PAGE, flags=re.M)
}
SHARED = CODE.pop("Your own model")


def executed(section: str) -> dict[str, Any]:
    """Execute the shared code and that of a section, and return its names."""
    names: dict[str, Any] = {"__name__": "page"}
    exec(compile(SHARED + CODE[section], section, "exec"), names)
    return names


def equal(peers: list[nn.Module]) -> bool:
    """Return whether all peers hold the same parameters."""
    return all(
        torch.equal(a, b)
        for peer in peers[1:]
        for a, b in zip(peers[0].parameters(), peer.parameters(), strict=True)
    )


def accuracy(names: dict[str, Any], scores: Callable[[torch.Tensor], torch.Tensor]) -> float:
    """Return the part of the histories whose next item has the highest score."""
    items, target = names["data"].tensors
    with torch.no_grad():
        return (scores(items).argmax(1) == target).double().mean().item()


def test_every_section_with_code_is_tested():
    assert {title for title, code in CODE.items() if code} == {
        "A plain PyTorch loop",
        "PyTorch Lightning",
        "RecTools' SASRec",
        "A Hugging Face encoder",
        "DistributedDataParallel",
    }


def test_a_plain_loop(capsys):
    names = executed("A plain PyTorch loop")
    assert equal(names["peers"])
    assert accuracy(names, names["peers"][0]) > 0.95
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [
        *("item", "encoder.weight_ih_l0", "encoder.weight_hh_l0", "output")
    ]


@pytest.mark.filterwarnings("ignore")
def test_lightning():
    pytest.importorskip("lightning", reason="needs the extra pcrec_core[lightning]")
    names = executed("PyTorch Lightning")
    module, callback, trainer = names["module"], names["callback"], names["trainer"]
    assert equal(module.peers) and len(callback.exchanges) == 5
    assert accuracy(names, module.peers[0]) > 0.95
    [adam] = trainer.optimizers
    assert {int(state["step"]) for state in adam.state.values()} == {5 * 8}
    trainer.fit_loop.max_epochs = 6
    loaders = trainer.train_dataloader
    with pytest.warns(UserWarning, match="fit was called again without ckpt_path, so Adam"):
        trainer.fit(module, loaders)
    assert {int(state["step"]) for state in trainer.optimizers[0].state.values()} == {8}
    callback.peers = "models"
    with pytest.raises(SpecError, match="Peers has no attribute 'models'"):
        trainer.fit(module, loaders)


@pytest.mark.filterwarnings("ignore")
def test_rectools():
    pytest.importorskip("rectools", reason="needs rectools[torch], in an environment of its own")
    names = executed("RecTools' SASRec")
    assert equal(names["peers"]) and len(names["recommended"]) == 5
    measured = [e.layer for e in names["exchanges"]]
    assert len(measured) == len(set(measured)) > 5

    def scores(items: torch.Tensor) -> torch.Tensor:
        known = names["models"][0].data_preparator.item_id_map
        ids = torch.tensor(known.convert_to_internal(items.flatten().numpy())).view(items.shape)
        found = names["peers"][0].eval()({"x": ids})[:, -1]
        return found[:, torch.tensor(known.convert_to_internal(range(names["ITEMS"])))]

    assert accuracy(names, scores) > 0.95


@pytest.mark.filterwarnings("ignore")
def test_hugging_face():
    pytest.importorskip("transformers", reason="needs transformers")
    names = executed("A Hugging Face encoder")
    [first, second] = peers = names["peers"]
    assert equal(peers)
    embedding = first.get_input_embeddings().weight
    assert first.get_output_embeddings().weight is embedding
    assert not torch.equal(embedding, torch.zeros_like(embedding))
    assert second.get_output_embeddings().weight is second.get_input_embeddings().weight
    layers = [e.layer for e in names["exchanges"]]
    assert sum("word_embeddings" in name or "decoder" in name for name in layers) == 1


REPORT = """
weights = [torch.cat([w.detach().flatten() for w in peer.parameters()]) for peer in peers]
gathered = [torch.empty_like(weights[0]) for _ in range(dist.get_world_size())]
dist.all_gather(gathered, weights[1])
same = [bool(torch.equal(weights[0], other)) for other in gathered]
# one write per line, because both processes share the stream
print(f"{same} {exchanges[0].layer}\\n", end="")
dist.destroy_process_group()
"""


def test_two_processes_of_ddp(tmp_path: Path):
    script = tmp_path / "ddp.py"
    script.write_text(SHARED + CODE["DistributedDataParallel"] + REPORT, encoding="utf-8")
    options = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    done = subprocess.run(
        [sys.executable, *options, script],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["[True, True] item"] * 2
