"""Strict configuration: what is wrong is named, and a round trip changes nothing."""

from pathlib import Path

import pytest
import yaml

from ditar.config import (
    BlockConfig,
    ConfigError,
    DiTARConfig,
    OptimiserConfig,
    VAEConfig,
    from_dict,
    load_config,
    to_dict,
)

CONFIGS = Path(__file__).parents[1] / "configs"
BLOCK = {"layers": 1, "width": 8, "heads": 2, "ffn": 16}


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*/*.yaml")), ids=lambda p: f"{p.parent.name}/{p.name}")
def test_every_file_survives_a_round_trip(path):
    kind = {"vae": VAEConfig, "ditar": DiTARConfig}[path.parent.name]
    config = load_config(path, kind)
    assert from_dict(yaml.safe_load(yaml.safe_dump(to_dict(config))), kind) == config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"widht": 8}, "unknown key 'widht'; did you mean 'width'"),
        ({"nonsense": 1}, "unknown key 'nonsense'; known keys: layers"),
        ({"layers": "six"}, "layers must be int, got 'six'"),
        ({"layers": True}, "layers must be int, got True"),
        ({"layers": 1.5}, "layers must be int, got 1.5"),
        ({"ffn_kind": "swiglu"}, "ffn_kind must be one of 'plain', 'gated', got 'swiglu'"),
    ],
)
def test_what_is_wrong_is_named(change, message):
    with pytest.raises(ConfigError, match=message):
        from_dict({**BLOCK, **change}, BlockConfig)


def test_missing_key_and_nested_key_are_named(tmp_path):
    with pytest.raises(ConfigError, match="missing key 'layers'"):
        from_dict({k: v for k, v in BLOCK.items() if k != "layers"}, BlockConfig)
    values = yaml.safe_load((CONFIGS / "ditar" / "tiny.yaml").read_text())
    values["model"]["lm"]["depth"] = 3
    path = tmp_path / "broken.yaml"
    path.write_text(yaml.safe_dump(values))
    with pytest.raises(ConfigError, match=r"broken.yaml: unknown key 'model.lm.depth'"):
        load_config(path, DiTARConfig)


def test_files_that_are_no_configuration(tmp_path):
    with pytest.raises(ConfigError, match="does not exist"):
        load_config(tmp_path / "none.yaml", VAEConfig)
    for content, message in (("a: [", "not valid YAML"), ("", "must be a mapping"), ("- 1", "must be a mapping")):
        path = tmp_path / "file.yaml"
        path.write_text(content)
        with pytest.raises(ConfigError, match=message):
            load_config(path, VAEConfig)


def test_numbers_as_yaml_writes_them():
    values = {"steps": 10, "learning_rate": "1e-4", "final_learning_rate": None, "betas": [0, 1]}
    config = from_dict(values, OptimiserConfig)
    assert config.learning_rate == 1e-4 and config.final_learning_rate is None and config.betas == (0.0, 1.0)
    with pytest.raises(ConfigError, match="betas must be a list of 2 values"):
        from_dict({"steps": 10, "betas": [0.9]}, OptimiserConfig)
