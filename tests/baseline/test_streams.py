import dataclasses

import pytest
import torch

from ditar.baseline.streams import NO_TOKEN, UNKNOWN, Streams, category_row, check_codec
from ditar.config import ConfigError, StreamsConfig
from ditar.data.codes import CodecInfo
from tests.baseline.examples import config

AUDIO = StreamsConfig("audio", 8, 10, 9, (0, 1), 9, (1.0, 1.0), end_id=8)
WORDS = StreamsConfig("text", 5, 6, 5, (0,), 5, (1.0,))


def test_kinds_follow_one_another():
    streams = Streams((WORDS, AUDIO))
    assert len(streams) == 3 and streams.slices == {"text": slice(0, 1), "audio": slice(1, 3)}
    assert streams.pattern.delays == (0, 0, 1) and streams.pattern.empty_ids == (5, 9, 9)
    text, audio = torch.zeros(2, 1, 4), torch.ones(2, 2, 4)
    assert torch.equal(streams.stack({"audio": audio, "text": text}), torch.cat((text, audio), dim=1))


def test_unequal_lengths_and_missing_streams_are_quoted():
    streams = Streams((WORDS, AUDIO))
    with pytest.raises(ValueError, match="'text' has 3 frames and 'audio' 4"):
        streams.stack({"text": torch.zeros(2, 1, 3), "audio": torch.zeros(2, 2, 4)})
    with pytest.raises(ValueError, match=r"'audio' has 2 streams, \(B, 2, T\), got tokens \(2, 3, 4\)"):
        streams.stack({"text": torch.zeros(2, 1, 4), "audio": torch.zeros(2, 3, 4)})
    with pytest.raises(ValueError, match="tokens of audio for a model with the streams text, audio"):
        streams.stack({"audio": torch.zeros(2, 2, 4)})
    with pytest.raises(ValueError, match="'user'; this model has text, audio"):
        streams["user"]


def test_ids_out_of_range_are_quoted():
    streams = Streams((WORDS, AUDIO))
    tokens = torch.tensor([[[0, 5, NO_TOKEN], [9, 0, 0], [0, 0, 0]]])
    streams.check(tokens)
    streams.check(torch.zeros(1, 3, 0))
    for place, bad, message in (((0, 0, 0), 6, "id 6 .* 'text' have ids 0 to 5"), ((0, 2, 1), 10, "id 10 .* 0 to 9"),
                                ((0, 1, 1), UNKNOWN, "id -2 is out of range")):  # fmt: skip
        changed = tokens.clone()
        changed[place] = bad
        with pytest.raises(ValueError, match=message):
            streams.check(changed)
    streams.check(changed, unknown=True)
    with pytest.raises(ValueError, match=r"\(1, 2, 3\) for a model of 3 streams"):
        streams.check(tokens[:, :2])


def test_codes_become_ids_with_an_end_and_come_back():
    streams = Streams((dataclasses.replace(AUDIO, card=7, first_code=1),))
    codes = torch.tensor([[0, 6, 2], [1, 2, 3]])
    ids = streams.from_codes(codes)
    assert ids.tolist() == [[1, 7, 3, 8], [2, 3, 4, 8]]
    assert torch.equal(streams.to_codes(ids), codes)
    special = torch.tensor([[1, 9, 3, 8, 5], [2, 3, 4, 8, 5]])
    assert streams.to_codes(special).tolist() == [[0, 2], [1, 3]]  # a special id makes no sound, nor what is behind
    with pytest.raises(ValueError, match="code 7 is out of range: a codebook of the streams 'audio' has 7"):
        streams.from_codes(codes + 1)
    with pytest.raises(ValueError, match=r"\(3, 2\) codes for the 2 streams"):
        streams.from_codes(codes.T)


def test_samouts_row():
    streams = Streams(config("samout").model.streams)
    assert category_row(streams, torch.tensor([0, 11]), 1).tolist() == [[6, 17, 5, 2]]
    with pytest.raises(ValueError, match="category 2 of 2; give 0 to 1"):
        category_row(streams, torch.tensor([0]), 2)


def test_another_codec_is_refused():
    model = config("matched").model
    info = CodecInfo("speech_vae-40hz-3x16-aa", 24_000, 600, 3, 16)
    check_codec(model, info)
    both = r"speech_vae \(3 codebooks of 16 at 40 Hz\).*encodec_32khz-50hz-4x2048-bb \(4 codebooks of 2048 at 50 Hz\)"
    with pytest.raises(ValueError, match=both):
        check_codec(model, CodecInfo("encodec_32khz-50hz-4x2048-bb", 32_000, 640, 4, 2048))
    with pytest.raises(ValueError, match=r"3 codebooks of 16 .*\(2 codebooks of 16"):
        check_codec(model, dataclasses.replace(info, codebooks=2))
    trained = dataclasses.replace(model, codec_fingerprint="speech_vae-40hz-3x16-aa")
    check_codec(trained, info)
    with pytest.raises(ValueError, match="speech_vae-40hz-3x16-aa .* speech_vae-40hz-3x16-cc"):
        check_codec(trained, dataclasses.replace(info, codec="speech_vae-40hz-3x16-cc"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weights": (1.0,)}, "2 delays and 1 weights"),
        ({"card": 10}, "codes 0 to 9 must lie in the 9 outputs"),
        ({"outputs": 11, "end_id": None}, "11 outputs and these in the 10 ids"),
        ({"empty_id": 10}, "empty_id 10 is not one of the ids 0 to 9"),
        ({"pad_ids": (3, 12)}, "pad_ids 12 is not"),
        ({"end_id": 9}, "id 9 is not one of the outputs 0 to 8"),
        ({"never": (9,)}, "id 9 is not one of the outputs 0 to 8"),
        ({"delays": (2, 1)}, "its delay 2 must not be more than 1"),
        ({"name": "text"}, "different names"),
        ({"predicted": False}, "no streams are predicted"),
    ],
)
def test_configurations_that_do_not_fit(changes, message):
    kinds = [dataclasses.replace(WORDS, predicted=False), dataclasses.replace(AUDIO, **changes)]
    with pytest.raises(ConfigError, match=message):
        Streams(kinds)
