"""Every configuration file builds what it describes; new folders of files must say how."""

import copy
from dataclasses import replace
from functools import cache, reduce
from operator import getitem
from pathlib import Path

import pytest
import torch
import yaml

from ditar.baseline import info as baseline_info
from ditar.config import (
    BaselineConfig,
    BlockConfig,
    ConfigError,
    DistilConfig,
    DiTARConfig,
    VAEConfig,
    from_dict,
    load_config,
)
from ditar.model import info

ROOT = Path(__file__).parents[1] / "configs"
FILES = sorted(ROOT.rglob("*.y*ml"))


@cache
def describe(path):
    return info.describe_ditar(load_config(path, DiTARConfig))


def build_ditar(path):
    load_config(path, DiTARConfig)
    parameters = describe(path)["parameters"]
    assert 0 < parameters["locdit"] <= parameters["total"]


def build_vae(path):
    from ditar.config import to_dict
    from ditar.vae.speech_vae import SpeechVAE

    config = load_config(path, VAEConfig)
    with torch.device("meta"):
        SpeechVAE(**to_dict(config.model))


# How far our counts are from published ones. Round names: "7B" is 6.97, "1.5B" is 1.36, "3.3B" is 3.26; Mini-Omni has
# embeddings of SNAC's tokens beside Qwen2's (the 26 M that 494 M lack).
NEAR = {7e9: 0.01, 1.5e9: 0.1, 3.3e9: 0.02, 494e6: 0.06}


def assert_near_published(figures, at_least):
    assert len(figures["published"]) >= at_least
    for name, published, ours in figures["published"]:
        assert ours == pytest.approx(published, rel=NEAR.get(published, 0.01)), name


@cache
def describe_baseline(path):
    return baseline_info.describe_baseline(load_config(path, BaselineConfig))


def build_baseline(path):
    from ditar.baseline.loss import TokenLoss

    config, figures = load_config(path, BaselineConfig), describe_baseline(path)
    assert figures["tflops"] > 0
    with torch.device("meta"):
        TokenLoss(config.loss, baseline_info.TokenLM(config.model))
    assert_near_published(figures, {"moshi": 2, "musicgen": 1, "mini_omni": 2}.get(path.stem, 0))


ACCELERATE = {  # distributed type and precision of each of accelerate's own files
    "gpu": ("NO", "bf16"),
    "fsdp": ("FSDP", "bf16"),
    "multi_gpu": ("MULTI_GPU", "bf16"),
    "multi_node": ("MULTI_GPU", "bf16"),
    "processes": ("MULTI_GPU", "no"),
}


def build_accelerate(path):
    from accelerate.commands.config import load_config_from_file

    config = load_config_from_file(str(path))  # refuses keys that it does not know
    assert (config.distributed_type.value, config.mixed_precision) == ACCELERATE[path.stem]


def build_distil(path):
    """Of whatever teacher."""
    config = load_config(path, DistilConfig)
    assert config.loss.guidance_scale[1] > 1


BUILDERS = {
    "ditar": build_ditar,
    "distil": build_distil,
    "vae": build_vae,
    "baseline": build_baseline,
    "accelerate": build_accelerate,
}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_builds(path):
    assert path.parent.name in BUILDERS, f"say in BUILDERS how configs/{path.parent.name} is built"
    BUILDERS[path.parent.name](path)


def test_the_papers_default_size():
    figures = describe(ROOT / "ditar" / "0.6b.yaml")
    three = sum(figures["parameters"][part] for part in ("aggregation_encoder", "lm", "locdit"))
    assert three == pytest.approx(604e6, rel=0.03)  # 48 layers of 12.6 M
    assert figures["tflops"] == pytest.approx(2.75, rel=0.15)


def test_the_discrete_twin_has_the_size_of_the_continuous_model():
    twin, model = ROOT / "baseline" / "matched.yaml", ROOT / "ditar" / "small.yaml"
    assert load_config(twin, BaselineConfig).model.lm == load_config(model, DiTARConfig).model.lm
    count = describe(model)["parameters"]["total"]
    assert describe_baseline(twin)["parameters"]["total"] == pytest.approx(count, rel=0.01)
    mine, theirs = load_config(model, DiTARConfig).data, load_config(twin, BaselineConfig).data
    for name in ("joined_share", "max_seconds", "first_seconds", "curriculum_until", "pause_seconds"):
        assert getattr(mine, name) == getattr(theirs, name), name


@pytest.mark.parametrize(("layers", "width", "heads"), [(48, 2048, 32), (48, 1536, 24)])
def test_larger_musicgens(layers, width, heads):
    config = load_config(ROOT / "baseline" / "musicgen.yaml", BaselineConfig)
    larger = replace(config, model=replace(config.model, lm=BlockConfig(layers, width, heads, 4 * width)))
    assert_near_published(baseline_info.describe_baseline(larger), 1)


def test_flops_follow_the_steps(monkeypatch):
    path = ROOT / "ditar" / "tiny.yaml"
    ten = describe(path)["tflops"]
    monkeypatch.setattr(info, "STEPS", 20)
    assert 1.5 * ten < info.describe_ditar(load_config(path, DiTARConfig))["tflops"] < 2 * ten


def keys_of(values, *above):
    for key, value in values.items():
        yield (*above, key)
        if isinstance(value, dict):
            yield from keys_of(value, *above, key)


FILES_AND_KINDS = [
    ("ditar/tiny.yaml", DiTARConfig),
    ("vae/small.yaml", VAEConfig),
    ("baseline/tiny_moshi.yaml", BaselineConfig),
]


@pytest.mark.parametrize(("file", "kind"), FILES_AND_KINDS)
def test_files_are_complete(file, kind):
    """Whichever key is taken out of a file, with or without a default, is missed by its name."""
    values = yaml.safe_load((ROOT / file).read_text())
    from_dict(values, kind, complete=True)
    keys = list(keys_of(values))
    assert len(keys) > 40
    for *above, key in keys:
        rest = copy.deepcopy(values)
        section = reduce(getitem, above, rest)
        del section[key]
        with pytest.raises(ConfigError, match=f"missing key '{'.'.join((*above, key))}'"):
            from_dict(rest, kind, complete=True)


def test_a_mistyped_key_is_named(tmp_path):
    text = (ROOT / "ditar" / "tiny.yaml").read_text()
    (tmp_path / "c.yaml").write_text(text.replace("encoder:", "encodr:"))
    with pytest.raises(ConfigError, match="did you mean 'encoder'"):
        load_config(tmp_path / "c.yaml", DiTARConfig)
