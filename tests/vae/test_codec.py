"""Codecs behind one interface: the matched one, EnCodec and Mimi with small random weights, SNAC's regrouping."""

import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import nn

from ditar.config import ConfigError
from ditar.vae import CodecError, SpeechVAE, load_codec
from ditar.vae.codec import MatchedCodec
from ditar.vae.foreign_codecs import EncodecCodec, MimiCodec, SNACCodec, layers_to_snac, snac_to_layers
from tests.vae.test_speech_vae import TINY

QUANTISER = {"codebooks": 3, "codebook_size": 16}


def speech(samples: int = 6000, rows: int = 2) -> torch.Tensor:
    return 0.1 * torch.randn(rows, samples, generator=torch.Generator().manual_seed(1))


def trained_codec() -> SpeechVAE:
    torch.manual_seed(0)
    vae = SpeechVAE(**TINY, quantiser=QUANTISER)
    with torch.no_grad():
        vae(speech(), codebook_seed=0)
    return vae


@pytest.fixture
def codec() -> MatchedCodec:
    pytest.importorskip("vector_quantize_pytorch")
    return MatchedCodec(trained_codec())


def test_matched_codec_is_what_was_trained(codec):
    waveform = speech(6500)
    codes = codec.encode(waveform)
    assert codes.shape == (2, 3, 10) and codes.dtype == torch.int64 and codes.unique().numel() > 8
    assert codec.frame_rate_hz == 40 and codec.rate_hz == 24_000
    decoded, quantised = codec.vae(waveform)
    assert torch.equal(codec.decode(codes), decoded.waveform) and torch.equal(codes, quantised.codes)
    assert decoded.waveform.shape == (2, 6000)
    assert torch.equal(codec.decode(codes.int()), decoded.waveform)


def test_matched_codec_from_disk(codec, tmp_path):
    codec.vae.save_pretrained(tmp_path)
    again = load_codec(tmp_path)
    assert again.fingerprint == codec.fingerprint
    assert codec.fingerprint.startswith("speech_vae-40hz-3x16-")
    assert torch.equal(again.encode(speech()), codec.encode(speech()))
    with pytest.raises(CodecError, match="has 3 codebooks, but 8 were asked for"):
        load_codec(tmp_path, codebooks=8)

    tensors = load_file(tmp_path / "diffusion_pytorch_model.safetensors")
    lost = next(name for name in tensors if name.endswith("embed"))
    save_file({k: v for k, v in tensors.items() if k != lost}, tmp_path / "diffusion_pytorch_model.safetensors")
    with pytest.raises(CodecError, match="does not fit config.json .* is missing in the weights"):
        load_codec(tmp_path)


def test_the_fingerprint_is_of_what_decides_about_codes(codec):
    before = codec.fingerprint
    nn.init.normal_(codec.vae.decoder.unfold.weight)
    assert codec.fingerprint == before
    codec.vae.residual_quantiser.vq.layers[1]._codebook.embed[0, 3] += 1e-3
    assert codec.fingerprint != before


@pytest.mark.parametrize(
    ("codes", "says"),
    [
        (torch.full((1, 3, 4), 16), "from 16 to 16, but speech_vae-.* has 0 to 15"),
        (torch.full((1, 3, 4), -1), "from -1 to -1"),
        (torch.zeros(1, 4, 4, dtype=torch.int64), "codes have 4 codebooks, but speech_vae-.* has 3"),
        (torch.zeros(1, 3, 4), r"must be integers .* got torch.float32 \(1, 3, 4\)"),
        (torch.zeros(3, 4, dtype=torch.int64), r"got torch.int64 \(3, 4\)"),
    ],
)
def test_codes_that_do_not_fit_are_refused(codec, codes, says):
    with pytest.raises(CodecError, match=says):
        codec.decode(codes)


def test_audio_that_does_not_fit_is_refused(codec):
    with pytest.raises(CodecError, match=r"frame of 600 samples at 24000 Hz, got \(1, 599\)"):
        codec.encode(torch.zeros(1, 599))
    with pytest.raises(CodecError, match=r"got \(1, 1, 6000\)"):
        codec.encode(torch.zeros(1, 1, 6000))


def test_a_vae_is_one_or_the_other(codec):
    with pytest.raises(ConfigError, match="codec of 3 x 16 codes"):
        codec.vae.encode(speech())
    gaussian = SpeechVAE(**TINY)
    with pytest.raises(ConfigError, match="no quantiser"):
        gaussian.quantise(speech())
    with pytest.raises(CodecError, match="is missing; train it"):
        MatchedCodec(gaussian)
    with pytest.raises(CodecError, match="has not seen data"):
        MatchedCodec(SpeechVAE(**TINY, quantiser=QUANTISER))


def test_what_is_no_codec_is_named(tmp_path):
    with pytest.raises(CodecError, match="config.json cannot be read"):
        load_codec(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert", "layers": 2}))
    with pytest.raises(CodecError, match="a SpeechVAE, EnCodec, Mimi or SNAC; its keys: layers, model_type"):
        load_codec(tmp_path)


ENCODECS = {  # ratios, kbit/s -> codebooks: 6 bits each at 75 Hz or 50 Hz
    24_000: ([8, 5, 4, 2], [0.9, 1.8], 4),
    32_000: ([8, 5, 4, 4], [1.2], 4),
}


def small_encodec(rate_hz: int, **more):
    transformers = pytest.importorskip("transformers")
    ratios, bandwidths, _ = ENCODECS[rate_hz]
    torch.manual_seed(0)
    model = transformers.EncodecModel(
        transformers.EncodecConfig(
            sampling_rate=rate_hz, upsampling_ratios=ratios, target_bandwidths=bandwidths, codebook_size=64,
            hidden_size=8, num_filters=2, num_lstm_layers=1, **more,
        )  # fmt: skip
    )
    with torch.no_grad():
        given = model.encoder(speech()[:1, :6000].unsqueeze(1).repeat(1, model.config.audio_channels, 1))[0]  # (D, T)
        centre, spread = given.mean(dim=1), given.std(dim=1)
        for layer in model.quantizer.layers:  # which a new model has at zero
            layer.codebook.embed.copy_(centre + spread * torch.randn(64, len(given)))
            centre = torch.zeros_like(centre)  # it is the first codebook's business
    return model


@pytest.mark.parametrize("rate_hz", list(ENCODECS))
def test_encodec_from_a_folder(rate_hz, tmp_path):
    model = small_encodec(rate_hz, use_causal_conv=rate_hz == 24_000)
    model.save_pretrained(tmp_path)
    codec = load_codec(tmp_path, codebooks=4)
    hop = {24_000: 320, 32_000: 640}[rate_hz]
    assert (codec.rate_hz, codec.hop_samples, codec.codebooks, codec.codebook_size) == (rate_hz, hop, 4, 64)
    waveform = speech(10 * hop + 7)
    codes = codec.encode(waveform)
    assert codes.shape == (2, 4, 11) and codes.dtype == torch.int64 and codes.unique().numel() > 8
    with torch.no_grad():
        theirs = model.eval()(waveform[:, None], bandwidth=ENCODECS[rate_hz][1][-1])
    assert torch.equal(codes, theirs.audio_codes[0])
    made = codec.decode(codes)
    assert made.shape == (2, 11 * hop)
    torch.testing.assert_close(made[:, : waveform.shape[1]], theirs.audio_values[:, 0, : waveform.shape[1]])
    assert codec.fingerprint == load_codec(tmp_path, codebooks=4).fingerprint
    with pytest.raises(CodecError, match="from 64 to 64, but encodec_.* has 0 to 63"):
        codec.decode(torch.full((1, 4, 2), 64))


def test_encodec_is_asked_for_what_it_has(tmp_path):
    with pytest.raises(CodecError, match=r"works with \[2, 4\] codebooks, got 3"):
        EncodecCodec(small_encodec(24_000), codebooks=3)
    with pytest.raises(CodecError, match=r"works with \[2, 4\] codebooks, got None"):
        EncodecCodec(small_encodec(24_000))
    assert EncodecCodec(small_encodec(32_000)).codebooks == 4
    with pytest.raises(CodecError, match="has 2 channels"):
        EncodecCodec(small_encodec(24_000, audio_channels=2), codebooks=4)
    small_encodec(24_000).save_pretrained(tmp_path)
    file = tmp_path / "model.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(CodecError, match="could not be loaded"):
        load_codec(tmp_path, codebooks=4)


def small_mimi():
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    model = transformers.MimiModel(
        transformers.MimiConfig(
            num_filters=4, hidden_size=32, codebook_size=64, codebook_dim=16, vector_quantization_hidden_dimension=16,
            num_quantizers=6, num_hidden_layers=1, intermediate_size=32, num_attention_heads=2, num_key_value_heads=2,
            upsample_groups=32,
        )  # fmt: skip
    )
    for name, buffer in model.named_buffers():  # codebooks, which a new model has at zero
        if name.endswith("embed_sum"):
            buffer.copy_(0.1 * torch.randn(buffer.shape))
    return model


def test_mimi_from_a_folder(tmp_path):
    model = small_mimi()
    model.save_pretrained(tmp_path)
    codec = load_codec(tmp_path, codebooks=4)
    assert (codec.kind, codec.rate_hz, codec.hop_samples, codec.codebooks) == ("mimi", 24_000, 1920, 4)
    assert codec.fingerprint.startswith("mimi-12.5hz-4x64-") and load_codec(tmp_path).codebooks == 6
    waveform = speech(3 * 1920 + 7)
    codes = codec.encode(waveform)
    assert codes.shape == (2, 4, 4) and codes.dtype == torch.int64 and codes.unique().numel() > 8
    with torch.no_grad():
        theirs = model.eval()(waveform[:, None], num_quantizers=4)
    assert torch.equal(codes, theirs.audio_codes)
    made = codec.decode(codes)
    assert made.shape == (2, 4 * 1920)
    torch.testing.assert_close(made[:, : waveform.shape[1]], theirs.audio_values[:, 0, : waveform.shape[1]])
    codec.save_pretrained(tmp_path / "again")
    again = load_codec(tmp_path / "again", codebooks=4)
    assert again.fingerprint == codec.fingerprint and torch.equal(again.encode(waveform), codes)


def test_what_decides_about_the_codes_of_mimi(tmp_path):
    codec = MimiCodec(small_mimi(), 4)
    before, codes = codec.fingerprint, codec.encode(speech(3840))
    for parameter in codec.model.decoder.parameters():
        parameter.zero_()
    assert codec.fingerprint == before and torch.equal(codec.encode(speech(3840)), codes)
    next(codec.model.encoder.parameters()).add_(1.0)
    assert codec.fingerprint != before
    for codebooks in (0, 7):
        with pytest.raises(CodecError, match=f"works with 1 to 6 codebooks, got {codebooks}"):
            MimiCodec(small_mimi(), codebooks)


def test_snac_tokens_in_their_published_order():
    """Depth first a frame reads: coarse, middle, fine, fine, middle, fine, fine."""
    first, second = torch.arange(7), torch.arange(10, 17)
    coarse = torch.stack([first[0], second[0]])[None]
    middle = torch.cat([first[[1, 4]], second[[1, 4]]])[None]
    fine = torch.cat([first[[2, 3, 5, 6]], second[[2, 3, 5, 6]]])[None]
    layers = snac_to_layers([coarse, middle, fine])
    assert torch.equal(layers[0, :, 0], first) and torch.equal(layers[0, :, 1], second)


@settings(max_examples=30, deadline=None)
@given(rows=st.integers(1, 3), frames=st.integers(0, 9), seed=st.integers(0, 2**31))
def test_snac_s_layers_and_back(rows, frames, seed):
    generator = torch.Generator().manual_seed(seed)
    codes = [torch.randint(0, 4096, (rows, k * frames), generator=generator) for k in (1, 2, 4)]
    layers = snac_to_layers(codes)
    assert layers.shape == (rows, 7, frames)
    assert all(torch.equal(a, b) for a, b in zip(layers_to_snac(layers), codes, strict=True))
    layers = torch.randint(0, 4096, (rows, 7, frames), generator=generator)
    assert torch.equal(snac_to_layers(layers_to_snac(layers)), layers)


def test_snac_s_layers_must_fit():
    with pytest.raises(CodecError, match=r"got lengths \[2, 4, 9\]"):
        snac_to_layers([torch.zeros(1, n, dtype=torch.int64) for n in (2, 4, 9)])
    with pytest.raises(CodecError, match=r"\(batch, 7, frames\), got \(1, 6, 3\)"):
        layers_to_snac(torch.zeros(1, 6, 3))


class TokensOfSNAC(nn.Module):
    """What SNACCodec asks of a snac.SNAC, without its networks: each token is the level of its stretch of audio."""

    sampling_rate, codebook_size, hop_length, vq_strides = 24_000, 4096, 512, [4, 2, 1]

    def __init__(self):
        super().__init__()
        self.encoder, self.quantizer = nn.Linear(1, 1), nn.Linear(1, 1)

    def encode(self, audio):
        filled = nn.functional.pad(audio, (0, -audio.shape[-1] % 2048))
        stretches = (filled.unflatten(-1, (-1, 512 * stride)) for stride in self.vq_strides)
        return [(1000 * one.mean(dim=-1)).round().long()[:, 0] for one in stretches]

    def decode(self, codes):
        levels = sum(one.repeat_interleave(512 * s, dim=-1) for one, s in zip(codes, self.vq_strides))
        return (levels[:, None] + torch.rand(levels[:, None].shape)) / 3000


def test_snac_as_a_codec():
    codec = SNACCodec(TokensOfSNAC())
    assert codec.kind == "snac_24khz" and codec.frame_rate_hz == 24_000 / 2048
    assert (codec.codebooks, codec.codebook_size) == (7, 4096)
    waveform = torch.linspace(0, 1, 3 * 2048)[None]
    codes = codec.encode(waveform)
    assert codes.shape == (1, 7, 3) and (codes.diff(dim=-1) > 0).all()
    made = codec.decode(codes)
    assert made.shape == waveform.shape and (made - waveform).abs().max() < 0.2
    assert torch.equal(made, codec.decode(codes))  # although its decoder draws noise
    with pytest.raises(CodecError, match=r"strides \(8, 4, 2, 1\)"):
        TokensOfSNAC.vq_strides = [8, 4, 2, 1]
        try:
            SNACCodec(TokensOfSNAC())
        finally:
            TokensOfSNAC.vq_strides = [4, 2, 1]


def test_snac_s_own_package():
    snac = pytest.importorskip("snac")
    torch.manual_seed(0)
    model = snac.SNAC(
        sampling_rate=24_000, encoder_dim=2, encoder_rates=[2, 4, 8, 8], decoder_dim=32, decoder_rates=[8, 8, 4, 2],
        attn_window_size=None, codebook_size=64, vq_strides=[4, 2, 1],
    )  # fmt: skip
    codec = SNACCodec(model)
    codes = codec.encode(speech(5000))
    assert codes.shape == (2, 7, 3) and codec.decode(codes).shape == (2, 3 * 2048)
    assert torch.equal(codec.decode(codes), codec.decode(codes))
