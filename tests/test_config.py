"""Strict configuration: what is wrong is named, and a round trip changes nothing."""

import dataclasses
import math
import re
import typing
from pathlib import Path

import pytest
import yaml

import ditar.config
from ditar.config import (
    BaselineConfig,
    BaselineDataConfig,
    BaselineLossConfig,
    BlockConfig,
    ConfigError,
    DiTARConfig,
    DiTARDataConfig,
    DiTARLossConfig,
    DiTARModelConfig,
    OobleckEncoderConfig,
    OptimiserConfig,
    QuantiserConfig,
    RunConfig,
    SamplingConfig,
    VAEConfig,
    VAEDataConfig,
    VAELossConfig,
    VocosConfig,
    from_dict,
    load_config,
    to_dict,
)
from ditar.config.ranges import Range, Ranged
from ditar.config.speech import TextConfig

CONFIGS = Path(__file__).parents[1] / "configs"
BLOCK = {"layers": 1, "width": 8, "heads": 2, "ffn": 16}


KINDS = {"vae": VAEConfig, "ditar": DiTARConfig}
FILES = sorted(path for folder in KINDS for path in (CONFIGS / folder).glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_every_file_survives_a_round_trip(path):
    kind = KINDS[path.parent.name]
    config = load_config(path, kind)
    assert from_dict(yaml.safe_load(yaml.safe_dump(to_dict(config))), kind) == config


def test_whether_a_model_reads_monotonically_is_asked_of_its_configuration_alone():
    block = from_dict(BLOCK, BlockConfig)
    for alignment, reads in (("attention", False), ("monotonic", True)):
        assert DiTARModelConfig(block, block, block, alignment=alignment).reads_monotonically is reads
    assert TextConfig().reads_monotonically is False  # and so of the baseline
    named = [p for p in Path(ditar.config.__file__).parents[1].rglob("*.py") if '"monotonic"' in p.read_text("utf-8")]
    assert [path.name for path in named] == ["ditar.py"]


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


def test_a_file_spells_out_what_has_a_default_and_a_checkpoint_need_not(tmp_path):
    values = yaml.safe_load((CONFIGS / "ditar" / "tiny.yaml").read_text())
    del values["model"]["lm"]["kv_heads"]
    path = tmp_path / "older.yaml"
    path.write_text(yaml.safe_dump(values))
    with pytest.raises(ConfigError, match=r"older.yaml: missing key 'model.lm.kv_heads' .* add it, by default null"):
        load_config(path, DiTARConfig)
    assert from_dict(values, DiTARConfig).model.lm.kv_heads is None


def test_a_bare_no_is_to_be_quoted():
    values = yaml.safe_load("{steps: 10, precision: no}")
    with pytest.raises(ConfigError, match="precision must be one of 'auto', 'no', 'bf16', got False; .* quote it, 'no'"):
        from_dict(values, OptimiserConfig)
    assert from_dict(yaml.safe_load("{steps: 10, precision: 'no'}"), OptimiserConfig).precision == "no"


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (OptimiserConfig, {"steps": 0}, "steps must be at least 1, got 0"),
        (OptimiserConfig, {"steps": -5}, "steps must be at least 1, got -5"),
        (OptimiserConfig, {"steps": 1, "warmup_steps": -1}, "warmup_steps must be at least 0, got -1"),
        (OptimiserConfig, {"steps": 1, "learning_rate": "-1e-4"}, "learning_rate must be above 0, got -0.0001"),
        (OptimiserConfig, {"steps": 1, "weight_decay": "nan"}, "weight_decay must be at least 0, got nan"),
        (RunConfig, {"log_every": 0}, "log_every must be at least 1, got 0"),
        (BlockConfig, {**BLOCK, "layers": 0}, "layers must be at least 1, got 0"),
        (VAEDataConfig, {"batch": -16}, "batch must be at least 1, got -16"),
        (OobleckEncoderConfig, {"ratios": [6, 0]}, r"ratios\[1\] must be at least 1, got 0"),
    ],
)
def test_counts_and_rates_out_of_range(kind, values, message):
    with pytest.raises(ConfigError, match=message):
        from_dict(values, kind)


OUT_OF_RANGE = [
    (DiTARLossConfig, {"h_dropout": 3}, "h_dropout must be in [0, 1], got 3"),
    (DiTARLossConfig, {"time_end": 1.5}, "time_end must be in [0, 1], got 1.5"),
    (DiTARLossConfig, {"lm_noise": math.inf}, "lm_noise must be at least 0, got inf"),
    (DiTARDataConfig, {"pause_seconds": (0.3, 0.1)}, "pause_seconds must ascend, low before high, got [0.3, 0.1]"),
    (DiTARDataConfig, {"first_seconds": 20, "curriculum_until": 0.1}, "must not be above max_seconds, 12.0, got 20"),
    (DiTARDataConfig, {"transcript_unknown": 0.7, "transcript_wrong": 0.7}, "must not exceed 1 together, got 0.7 and"),
    (BaselineDataConfig, {"joined_share": 2}, "joined_share must be in [0, 1], got 2"),
    (BaselineLossConfig, {"token_noise": 1.1}, "token_noise must be in [0, 1], got 1.1"),
    (SamplingConfig, {"temperature": -1}, "temperature must be at least 0, got -1"),
    (SamplingConfig, {"top_p": 0}, "top_p must be in (0, 1], got 0"),
    (SamplingConfig, {"top_k": 0}, "top_k must be at least 1, got 0"),
    (OptimiserConfig, {"steps": 1, "betas": (9, 9)}, "betas[0] must be in [0, 1), got 9"),
    (OptimiserConfig, {"steps": 1, "ema_decay": 7}, "ema_decay must be in [0, 1), got 7"),
    (OptimiserConfig, {"steps": 1, "learning_rate": 0}, "learning_rate must be above 0, got 0"),
    (OptimiserConfig, {"steps": 1, "final_learning_rate": 1}, "final_learning_rate must not be above learning_rate"),
    (QuantiserConfig, {"decay": 1}, "decay must be in [0, 1), got 1"),
    (VAEDataConfig, {"level_db": (3, -6)}, "level_db must ascend, low before high, got [3"),
    (VAEDataConfig, {"speed": (0, 1)}, "speed[0] must be above 0, got 0"),
    (VAEDataConfig, {"crop_seconds": 0.33}, "crop_seconds must be a multiple of 0.025 (a latent frame) from 0.05 on, got 0.33"),
    (VAEDataConfig, {"crop_seconds": 0.025}, "from 0.05 on, got 0.025"),
    (VAEDataConfig, {"adversarial_samples": 1500}, "must be 0 (all of a crop) or at least 2048, the longest window"),
    (VAELossConfig, {"multi_period_divisor": 64}, "multi_period_divisor must be in [1, 32], got 64"),
    (VocosConfig, {"n_fft": 1201}, "hop must divide 600, and n_fft be larger by an even number, got 300 and 1201"),
    (OobleckEncoderConfig, {"channel_multiples": (1,)}, "one for each of ratios, got [1] for [6, 10, 10]"),
    (BlockConfig, {**BLOCK, "heads": 3}, "width must be an even multiple of heads, and heads a multiple of kv_heads, got 8, 3 and 3"),
    (BlockConfig, {**BLOCK, "heads": 8}, "got 8, 8 and 8"),
    (BlockConfig, {**BLOCK, "kv_heads": 3}, "got 8, 2 and 3"),
    (DiTARDataConfig, {"pause_seconds": (20, 30)}, "pause_seconds must begin below max_seconds, 12.0, or nothing can be joined"),
    (DiTARDataConfig, {"readers": 10**12}, "readers must be in [1, 65536], got 1000000000000"),
    (DiTARLossConfig, {"own_passes": 10**12}, "own_passes must be in [1, 100], got 1000000000000"),
    (RunConfig, {"seed": 2**70}, "seed must be in [0, 9.22337e+18], got 1180591620717411303424"),
    (RunConfig, {"timeout_s": 1e300}, "timeout_s must be in (0, 1e+07], got 1e+300"),
]


@pytest.mark.parametrize(("kind", "values", "message"), OUT_OF_RANGE)
def test_a_value_out_of_its_fields_range(kind, values, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        kind(**values)
    with pytest.raises(ConfigError, match=re.escape(message)):
        from_dict(values, kind)


def test_a_value_out_of_range_has_its_full_key(tmp_path):
    values = yaml.safe_load((CONFIGS / "ditar" / "tiny.yaml").read_text())
    values["loss"]["h_dropout"] = 3
    path = tmp_path / "wrong.yaml"
    path.write_text(yaml.safe_dump(values))
    with pytest.raises(ConfigError, match=r"wrong.yaml: loss.h_dropout must be in \[0, 1\], got 3.0"):
        load_config(path, DiTARConfig)


def test_every_number_declares_its_range():
    def undeclared(hint):
        if typing.get_origin(hint) is typing.Annotated:
            inner, *rules = typing.get_args(hint)
            return False if any(isinstance(r, Range) for r in rules) else undeclared(inner)
        return hint in (int, float) or any(map(undeclared, typing.get_args(hint)))

    kinds = [k for k in vars(ditar.config).values() if dataclasses.is_dataclass(k)]
    found = [
        f"{kind.__name__}.{name}"
        for kind in kinds
        for name, hint in typing.get_type_hints(kind, include_extras=True).items()
        if undeclared(hint) or not issubclass(kind, Ranged)
    ]
    assert len(kinds) > 15 and not found, f"annotate them with a range of ditar/config/ranges.py: {found}"


def test_values_that_may_be_zero_or_negative():
    assert from_dict({"steps": 1, "warmup_steps": 0, "weight_decay": 0}, OptimiserConfig).warmup_steps == 0
    assert from_dict({"seed": 0}, RunConfig).seed == 0
    assert from_dict({"level_db": [-6, 3]}, VAEDataConfig).level_db == (-6.0, 3.0)
    assert from_dict({"freeze_encoder_from": 0, "adversarial_from": 0}, VAELossConfig).freeze_encoder_from == 0


def test_files_that_are_no_configuration(tmp_path):
    with pytest.raises(ConfigError, match="does not exist"):
        load_config(tmp_path / "none.yaml", VAEConfig)
    for content, message in (("a: [", "not valid YAML"), ("", "must be a mapping"), ("- 1", "must be a mapping")):
        path = tmp_path / "file.yaml"
        path.write_text(content)
        with pytest.raises(ConfigError, match=message):
            load_config(path, VAEConfig)


def test_numbers_as_yaml_writes_them():
    values = {"steps": 10, "learning_rate": "1e-4", "final_learning_rate": None, "betas": [0, 0.5]}
    config = from_dict(values, OptimiserConfig)
    assert config.learning_rate == 1e-4 and config.final_learning_rate is None and config.betas == (0.0, 0.5)
    with pytest.raises(ConfigError, match="betas must be a list of 2 values"):
        from_dict({"steps": 10, "betas": [0.9]}, OptimiserConfig)


def test_no_more_heads_are_helped_than_there_are(tmp_path):
    values = yaml.safe_load((CONFIGS / "ditar" / "tiny.yaml").read_text())
    values["loss"] |= {"attention_weight": 0.1, "attention_heads": 100}
    (tmp_path / "wrong.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(ConfigError, match=r"wrong.yaml: loss.attention_heads must not be above model.lm.heads, \d, got 100"):
        load_config(tmp_path / "wrong.yaml", DiTARConfig)
    values = yaml.safe_load((CONFIGS / "baseline" / "tiny_matched.yaml").read_text())
    values["loss"] |= {"attention_weight": 0.1, "attention_heads": 100}
    (tmp_path / "wrong.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(ConfigError, match="loss.attention_heads must not be above model.lm.heads"):
        load_config(tmp_path / "wrong.yaml", BaselineConfig)
