"""On tiny random checkpoints that are made here."""

import numpy as np
import pytest
import torch

from ditar.audio.torchaudio_shim import import_torchaudio
from ditar.evaluate.checkpoints import CheckpointEmbedder
from ditar.evaluate.inputs import EvaluationError
from tests.evaluate.sounds import buzz, hiss, quiet

import_torchaudio()  # transformers imports it too
transformers = pytest.importorskip("transformers", reason="transformers is not installed (pip install '.[eval]')")

TINY = {
    "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16, "conv_dim": (8, 8),
    "conv_stride": (20, 16), "conv_kernel": (20, 16), "num_feat_extract_layers": 2, "num_conv_pos_embeddings": 4,
    "num_conv_pos_embedding_groups": 2,
}  # fmt: skip


@pytest.fixture(scope="module")
def xvector(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoints") / "wavlm"
    transformers.Wav2Vec2FeatureExtractor(return_attention_mask=False).save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.WavLMConfig(
        tdnn_dim=(16, 16, 16, 16, 32), xvector_output_dim=12, num_buckets=8, max_bucket_distance=16, **TINY
    )
    transformers.WavLMForXVector(config).save_pretrained(folder)
    return folder


def test_speaker_embeddings_by_folder(xvector):
    embedder = CheckpointEmbedder(str(xvector))
    first, second = embedder.embed(buzz(1.5)), embedder.embed(hiss(1.5))
    assert first.shape == (12,) and np.linalg.norm(first) == pytest.approx(1, rel=1e-5)
    assert first @ embedder.embed(buzz(1.5)) == pytest.approx(1, rel=1e-5) and first @ second < 0.9999
    assert not embedder.embed(quiet(1.0)).any() and not embedder.embed(quiet(0)).any()
    assert np.linalg.norm(embedder.embed(buzz(0.05))) == pytest.approx(1, rel=1e-5)  # too short for the head alone
    assert embedder.name.startswith("wavlm sha256 ")


def test_the_wrong_checkpoint_is_named(tmp_path):
    transformers.Wav2Vec2Config(architectures=["Wav2Vec2ForCTC"], **TINY).save_pretrained(tmp_path / "ctc")
    with pytest.raises(EvaluationError, match="is Wav2Vec2ForCTC: speaker similarity needs an x-vector head"):
        CheckpointEmbedder(str(tmp_path / "ctc"))
