"""Adapters on disk: merged as peft merges them, and refused where they do not belong."""

import copy
import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from ditar.audio.torchaudio_shim import import_torchaudio
from ditar.model.adapter import BASE, SETTINGS, WEIGHTS, add_adapter, base_fingerprint, merge_adapter, save_adapter
from ditar.storage.weights import ModelError
from tests.model import examples

import_torchaudio()  # peft imports transformers, which imports it
peft = pytest.importorskip("peft", reason="needs peft, of the extra `finetune`")


@pytest.fixture(scope="module")
def base():
    return examples.build(torch.float32, alignment="monotonic")


@pytest.fixture
def folder(base, tmp_path):
    """An adapter that is not at its beginning, where it adds nothing."""
    adapted = copy.deepcopy(base)
    add_adapter(adapted, 2)
    torch.manual_seed(1)
    trained = [parameter for parameter in adapted.parameters() if parameter.requires_grad]
    for parameter in trained:
        torch.nn.init.normal_(parameter, std=0.1)
    assert sum(p.numel() for p in trained) < 0.5 * sum(p.numel() for p in base.parameters())
    save_adapter(copy.deepcopy(adapted), tmp_path / "adapter", base_fingerprint(base))  # a copy, as the average is
    return tmp_path / "adapter"


def test_it_begins_as_the_base(base):
    adapted, data = copy.deepcopy(base), examples.batch(dtype=torch.float32)
    add_adapter(adapted, 2)
    given = data.symbol_ids, data.symbol_counts, data.latents, data.patch_counts
    assert torch.equal(adapted.condition(*given).h, base.condition(*given).h)


def test_merged_as_peft_merges(base, folder):
    mine = copy.deepcopy(base)
    merge_adapter(mine, folder)
    theirs = peft.PeftModel.from_pretrained(copy.deepcopy(base), str(folder)).merge_and_unload()
    for name, value in theirs.state_dict().items():
        torch.testing.assert_close(mine.state_dict()[name], value, rtol=0, atol=1e-6)
    assert not torch.equal(mine.stop_head.weight, base.stop_head.weight)


def test_the_base_is_known_in_half_precision_too(base):
    halved = copy.deepcopy(base).half().float()
    assert base_fingerprint(halved) == base_fingerprint(base)
    halved.stop_head.bias.data += 1
    assert base_fingerprint(halved) != base_fingerprint(base)


def edit(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def drop_one(folder):
    tensors = load_file(folder / WEIGHTS)
    tensors.pop(next(iter(tensors)))
    save_file(tensors, folder / WEIGHTS)


@pytest.mark.parametrize(
    "spoil, message",
    [
        (
            lambda f: (f / BASE).unlink(),
            "holds no base.json that can be read; give a folder of `ditar finetune --lora`",
        ),
        (lambda f: edit(f / BASE, base="0123"), "was trained on the model 0123, but this one is "),
        (lambda f: edit(f / SETTINGS, use_dora=True), "is of LORA with use_dora, and only plain LoRA can be merged"),
        (lambda f: (f / WEIGHTS).write_bytes((f / WEIGHTS).read_bytes()[:500]), "is not whole .*copy it again"),
        (drop_one, "does not fit: 'embed' is .* and its matrices are .*None"),
    ],
)
def test_what_does_not_belong(base, folder, spoil, message):
    spoil(folder)
    model = copy.deepcopy(base)
    with pytest.raises(ModelError, match=message):
        merge_adapter(model, folder)
    assert base_fingerprint(model) == base_fingerprint(base)  # nothing is half merged
