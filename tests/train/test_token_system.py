"""The training loop on the smallest token LM: losses fall, resume is exact, early stopping, several processes."""

import json
import shutil
from dataclasses import asdict, replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ditar.baseline.batch import TextCondition
from ditar.baseline.generate import GeneratedFrame
from ditar.baseline.lm import TokenLM
from ditar.config import BaselineConfig, BaselineRunConfig, load_config
from ditar.data.codes import CodecInfo, CodeStore, write_codec
from ditar.data.errors import DataError
from ditar.train.checkpoint import CheckpointError, checkpoints
from ditar.train import token_samples
from ditar.train.listener import Listener, as_spoken, pair_lengths, reference_frames
from ditar.train.loop import train
from ditar.train.token_system import TokenSystem, fill_in
from tests.baseline.examples import ROOT
from tests.data.test_batches import SYMBOLS, write_store

INFO = CodecInfo("speech_vae-40hz-3x16-00", 24_000, 600, 3, 16)


def write_codes(folder, info=INFO, **options) -> CodeStore:
    """Codes of which the first codebook says the letter that is spoken (a, b, c: 1, 2, 3, silence 0), the second how
    many frames it has lasted, and the third counts frames; made as the latents of the same utterances."""
    def code(latents, symbols):
        letters = [s for s in symbols if s in "abc"]
        spoken = ["abc".index(letters[t // 2]) + 1 if t // 2 < len(letters) else 0 for t in range(len(latents))]
        return np.array([[s, t % 2, t % info.codebook_size] for t, s in enumerate(spoken)], dtype=np.uint16)

    write_store(folder, values=code, **options)
    write_codec(folder, info)
    (folder / "language").write_text("en-us\nen-gb\n")
    return CodeStore(folder)


def make_config(**optimiser) -> BaselineConfig:
    config = load_config(ROOT / "tiny_matched.yaml", BaselineConfig)
    changes = {"steps": 6, "learning_rate": 4e-3, "warmup_steps": 2, **optimiser}
    return replace(
        config,
        model=replace(config.model, symbols=SYMBOLS),
        loss=replace(config.loss, token_noise=0.1, helper_until=0.8),
        data=replace(config.data, batch_frames=400, joined_share=0.6, max_seconds=2.0, first_seconds=2.0),
        optimiser=replace(config.optimiser, **changes),
        run=BaselineRunConfig(log_every=1, validate_every=3, sample_every=6, checkpoint_every=2, keep_checkpoints=10),
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> CodeStore:
    return write_codes(tmp_path_factory.mktemp("codes"))


def run(config, store, out, **options) -> list[dict]:
    config = fill_in(config, store)
    system = TokenSystem(config, store, store, **options)
    train(system, config.optimiser, config.run, out, config, cpu=True, patience=config.run.patience)
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def losses(log) -> dict[int, float]:
    return {line["step"]: line["train/loss"] for line in log if "train/loss" in line}


def listener(heard) -> Listener:
    def word_error(waveforms, texts):
        heard.extend(zip(map(len, waveforms), texts))
        return 0.25

    def quality(spoken, references):
        return {"similarity": float(len(spoken) == len(references) and min(map(len, references)) > 0)}

    return Listener(lambda codes: torch.zeros(codes.shape[2] * 600), word_error, quality)


@pytest.fixture(scope="module")
def whole(store, tmp_path_factory):
    out, heard = tmp_path_factory.mktemp("whole"), []
    return out, run(make_config(), store, out, listener=listener(heard)), heard


@pytest.mark.parametrize("utterances", [1, 2])
def test_the_wrong_text_of_a_single_row_is_another_utterances(tmp_path, utterances):
    config = make_config()
    store = write_codes(tmp_path, utterances=utterances, speakers=2)
    config = fill_in(replace(config, data=replace(config.data, batch_frames=1, joined_share=0.0)), store)
    system = TokenSystem(config, store, store)
    figures = system.figures(system.validate(system.model.eval(), 1))
    assert ("text_gain" in figures) == (utterances > 1)
    assert figures.get("text_gain") != 0.0


def test_the_wrong_text_of_a_row_is_whole(store):
    system = TokenSystem(fill_in(make_config(), store), store, store)
    text, counts = torch.tensor([[1, 0, 0], [2, 3, 4], [5, 6, 0]]), torch.tensor([1, 3, 2])
    wrong = system._wrong_text(None, TextCondition(text, counts))
    assert wrong.text.tolist() == [[5, 6, 0], [1, 0, 0], [2, 3, 4]] and wrong.counts.tolist() == [2, 1, 3]


def test_samples_follow_the_reference_within_the_limits_of_synthesis(store, monkeypatch):
    system, asked, rate_hz = TokenSystem(fill_in(make_config(), store), store, store), [], 40.0

    def generate(model, generators, **options):
        asked.append(options)
        return [GeneratedFrame(torch.full((1, 3), 1), torch.tensor([True]), torch.tensor([len(asked) == 1]))]

    monkeypatch.setattr(token_samples, "generate_tokens", generate)
    model, ears, tracker = system.model, listener([]), SimpleNamespace(audio=lambda *_: None)
    texts = []

    def condition(symbols, text):
        texts.append((symbols, text))
        return TextCondition(torch.tensor([[1]]), torch.tensor([1]))

    figures = token_samples.sample_token_words(model, store, ears, condition, tracker, 1)
    pairs = ears.pairs(store)
    assert len(asked) == len(pairs) > 1 and figures["stopped"] == 1 / len(pairs)
    for options, said, (reference, target) in zip(asked, texts, pairs):
        limits = pair_lengths(reference, target, model.config, rate_hz)
        assert options["max_frames"] == int(limits.most * rate_hz) + 1
        assert options["options"].min_frames == limits.least_units(1 / rate_hz) > 0
        assert options["options"].guidance_scale == model.config.guidance_scale
        assert options["known"].shape[2] == reference_frames(reference, rate_hz)
        both = [*as_spoken(reference, model.config), " ", *as_spoken(target, model.config)]
        assert said == (both, f"{reference.text} {target.text}")


def test_what_is_heard_of_teacher_forcing_is_what_was_drawn(store, monkeypatch):
    system, decoded, given = TokenSystem(fill_in(make_config(), store), store, store), [], []
    ears = replace(listener([]), decode=lambda codes: decoded.append(codes[0]) or torch.zeros(codes.shape[2] * 600))

    def draw(model, tokens, generators, condition):
        given.append(tokens[0])
        return (tokens + 1) % 16

    monkeypatch.setattr(token_samples, "redraw", draw)
    condition = lambda *_: TextCondition(torch.tensor([[1]]), torch.tensor([1]))  # noqa: E731
    token_samples.teacher_forced_token_words(system.model, store, ears, condition)
    pairs = ears.pairs(store)
    assert len(given) == len(pairs) and all(torch.equal(x, store.codes(pair[1].utt)) for x, pair in zip(given, pairs))
    assert all(torch.equal(made, (true + 1) % 16) for made, true in zip(decoded, given, strict=True))


def test_a_run_writes_what_it_says(whole, store):
    out, log, heard = whole
    valid = next(line for line in log if "valid/validation" in line)
    assert {f"valid/accuracy_audio_{q}" for q in range(3)} <= valid.keys() and "valid/text_gain" in valid
    assert valid["valid/validation"] == valid["valid/audio"]
    first = log[0]
    assert {"train/phoneme", "train/attention", "train/accuracy_audio_0", "train/frames"} <= first.keys()
    assert first["train/loss"] == pytest.approx(
        first["train/audio"] + 0.2 * first["train/phoneme"] + 0.2 * first["train/attention"], rel=1e-5
    )
    said = next(line for line in log if "sample/free_running_wer" in line)
    assert said["sample/free_running_wer"] == said["sample/teacher_forced_wer"] == 0.25 and "sample/stopped" in said
    assert said["sample/free_running_similarity"] == 1.0
    assert len(heard) == 8  # a pair for each of four speakers, both ways
    model = TokenLM.from_pretrained(out / "final")
    config = model.config
    assert config.codec_fingerprint == INFO.codec and config.symbols == SYMBOLS
    assert config.trained_symbols == ("a", "b", "c", "ˈ") and config.trained_seconds == 2.0
    assert config.trained_languages == ("en-gb", "en-us")
    frames, symbols = sum(e.frames for e in store.entries), sum(len(e.symbols) for e in store.entries)
    assert config.seconds_per_symbol == pytest.approx(frames / 40 / symbols, abs=1e-4)
    assert not any("helper" in name for name, _ in model.named_parameters())


def test_resumed_run_has_the_same_losses_and_weights(whole, store, tmp_path):
    out, log, _ = whole
    shutil.copytree(out / "checkpoints" / "step-00000002", tmp_path / "checkpoints" / "step-00000002")
    assert losses(run(make_config(), store, tmp_path)) == {s: v for s, v in losses(log).items() if s > 2}
    for name in ("model", "average", "optimiser-0"):
        files = [folder / f"checkpoints/step-00000006/{name}.safetensors" for folder in (out, tmp_path)]
        assert files[0].read_bytes() == files[1].read_bytes(), name


def test_the_loss_falls_and_the_text_tells(store, tmp_path):
    config = make_config(steps=60)
    quiet = replace(config.run, validate_every=60, sample_every=99, checkpoint_every=99)
    log = run(replace(config, run=quiet), store, tmp_path)
    found = losses(log)
    assert sum(found[s] for s in range(56, 61)) < 0.5 * sum(found[s] for s in range(1, 6))
    valid = next(line for line in log if "valid/validation" in line)
    assert valid["valid/accuracy_audio_1"] > 0.5 and valid["valid/text_gain"] > 0


def test_shares_of_ranks_add_up_to_the_loss_of_one_process(store):
    config = fill_in(make_config(), store)
    system = TokenSystem(config, store, store)
    for ranks in (2, 3, 50):
        whole_batch = system.batch(1, 0, ("model",))
        counts = system.counts(whole_batch)
        expected = system.forward(system.loss, "model", whole_batch, 1, counts)[1]
        parts = [system.batch(1, 0, ("model",), rank, ranks) for rank in range(ranks)]
        assert torch.allclose(sum(system.counts(part) for part in parts), counts)
        shares = [system.forward(system.loss, "model", part, 1, counts)[1] for part in parts]
        for name in expected.keys() - {"padded_frames"}:
            total = sum(share[name].double() for share in shares)
            assert total.item() == pytest.approx(expected[name].item(), rel=1e-5), name


class Stubborn(TokenSystem):
    """Whose validations are given."""

    VALIDATIONS = (5.0, 4.0, 4.5, 4.0, 4.2, 1.0)

    def validate(self, model, step, rank=0, ranks=1):
        return [(0, step)]

    def figures(self, found):
        return {"validation": self.VALIDATIONS[found[0][1] - 1]}


def run_stubborn(config, store, out):
    config = fill_in(config, store)
    train(Stubborn(config, store, store), config.optimiser, config.run, out, config, cpu=True, patience=3)
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def test_it_ends_when_patience_does_and_the_best_is_final(store, tmp_path):
    config = make_config()
    config = replace(config, run=replace(config.run, validate_every=1, sample_every=99, checkpoint_every=1))
    log = run_stubborn(config, store, tmp_path / "run")
    assert max(line["step"] for line in log) == 5  # 4.5, 4.0 and 4.2 are no better than 4.0
    weights = [(tmp_path / "run" / part / "model.safetensors").read_bytes() for part in ("best", "final")]
    assert weights[0] == weights[1]
    # The same command again has nothing to do, whether it was killed before the last validation or behind it.
    written = (tmp_path / "run/final/model.safetensors").stat().st_mtime_ns
    assert run_stubborn(config, store, tmp_path / "run") == log
    assert (tmp_path / "run/final/model.safetensors").stat().st_mtime_ns == written
    killed = tmp_path / "killed"
    shutil.copytree(tmp_path / "run", killed)
    shutil.rmtree(killed / "final")
    lines = (killed / "log.jsonl").read_text().splitlines()
    (killed / "log.jsonl").write_text("".join(f"{x}\n" for x in lines if not ('"valid' in x and '"step": 5' in x)))
    again = run_stubborn(config, store, killed)
    assert [x["valid/validation"] for x in again if "valid/validation" in x] == [5.0, 4.0, 4.5, 4.0, 4.2]
    assert (killed / "final/model.safetensors").read_bytes() == weights[0]
    assert [p.name for p in checkpoints(killed / "checkpoints")][-1] == "step-00000005"


def test_codes_of_another_codec_are_refused_by_both(store, tmp_path):
    other = replace(INFO, codec="speech_vae-40hz-3x16-01")
    stranger = write_codes(tmp_path / "other", info=other)
    with pytest.raises(DataError, match=f"'{other.codec}', but '{INFO.codec}' was asked for"):
        TokenSystem(fill_in(make_config(), store), store, stranger)
    with pytest.raises(DataError, match=f"{INFO.codec} .3 codebooks of 16 .* this codec is {other.codec}"):
        TokenSystem(fill_in(make_config(), store), stranger, stranger)
    larger = write_codes(tmp_path / "larger", info=replace(INFO, codebook_size=32))
    with pytest.raises(DataError, match="3 codebooks of 16 at 40 Hz.*3 codebooks of 32 at 40 Hz"):
        fill_in(make_config(), larger)


def test_training_starts_from_given_weights(whole, store):
    out, _, _ = whole
    trained = TokenLM.from_pretrained(out / "final")
    config = fill_in(make_config(), store, trained)
    system = TokenSystem(config, store, store, init=trained)
    assert all(torch.equal(system.model.state_dict()[k], v) for k, v in trained.state_dict().items())
    strange = TokenLM(replace(trained.config, codec_fingerprint="speech_vae-40hz-3x16-77"))
    with pytest.raises(CheckpointError, match=r"codec_fingerprint is '.*-77' there and '.*-00' here"):
        TokenSystem(config, store, store, init=strange)
    assert asdict(config.model)["trained_symbols"] == ("a", "b", "c", "ˈ")
