"""Seeds of parts, and fingerprints of settings."""

from ditar.seeds import seed_of
from ditar.storage.digests import digest_values


def test_seeds_belong_to_utterances():
    """The values are part of the promise: another version of the program must find the same ones."""
    assert seed_of(0, "ked000-00001") == 2_046_342_843
    assert seed_of(1, "ked000-00001") != seed_of(0, "ked000-00001") != seed_of(0, "ked000-00002")


def test_fingerprints_tell_values_apart_and_not_their_order():
    assert digest_values({"a": 1, "b": [2]}) == digest_values({"b": [2], "a": 1}) != digest_values({"a": 1, "b": [3]})
