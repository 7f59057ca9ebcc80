"""Numbers of options: what is none, or out of range, is named before anything is imported."""

import pytest

from ditar.cli import main

SWEEP = ["sweep", "--text=Hi.", "--output=out"]


@pytest.mark.parametrize("arguments", [
    ["bench", "--lengths", "nan"], ["bench", "--lengths", "inf"], ["bench", "--batch-sizes", "0"],
    ["bench", "--repeats", "0"], ["bench", "--streams", "-1"], ["bench", "--steps", "1.5"],
    ["bench", "--guidance-scale", "nan"], ["bench", "--threads", "0"], ["bench", "--device", "gpu"],
    [*SWEEP, "--temperature", "nan"], [*SWEEP, "--seed", "-1"], [*SWEEP, "--steps", "0"], [*SWEEP, "--page-mb", "nan"],
    [*SWEEP, "--workers", "0"], [*SWEEP, "--max-retries", "-1"], [*SWEEP, "--batch-size", "0"],
    [*SWEEP, "--guidance-scale", "inf"], [*SWEEP, "--threads", "x"],
    ["evaluate", "wavs", "--worst", "-1"], ["evaluate", "wavs", "--threads", "0"],
    ["synthesize", "--text=Hi.", "--output=a.wav", "--threads", "0"], ["voice", "create", "a", "--threads", "0"],
], ids=" ".join)  # fmt: skip
def test_a_number_that_is_none_is_named(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    said = capsys.readouterr().err
    assert ended.value.code == 2 and f"{arguments[-2]}: must be " in said and f"got '{arguments[-1]}'" in said
