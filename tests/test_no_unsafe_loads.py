"""No pickle from strangers and no decoder surprises: torch.load only with weights_only=True, torchaudio.load never."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("ditar", "recipes", "egs", "tests")
PICKLES = {("pickle", "load"), ("pickle", "loads"), ("joblib", "load"), ("torch", "load")}
AUDIO = {("torchaudio", "load"), ("torchaudio", "save"), ("torchaudio", "info")}


def calls(source):
    """(object, method, call) of every `object.method(...)` in a file."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            if isinstance(owner, ast.Name):
                yield owner.id, node.func.attr, node


def true(keyword):
    return isinstance(keyword.value, ast.Constant) and keyword.value.value is True


def unsafe(source):
    """Descriptions of the unsafe calls in a file."""
    found = []
    for owner, method, call in calls(source):
        safe = (owner, method) == ("torch", "load") and any(k.arg == "weights_only" and true(k) for k in call.keywords)
        pickled = (owner, method) in PICKLES and not safe
        numpy = owner in ("np", "numpy") and method == "load" and any(k.arg == "allow_pickle" for k in call.keywords)
        if pickled or numpy or (owner, method) in AUDIO:
            found.append(f"line {call.lineno}: {owner}.{method}")
    return found


def test_nothing_loads_unsafely():
    files = [p for folder in FOLDERS for p in (ROOT / folder).rglob("*.py")]
    assert len(files) > 20
    found = {str(p.relative_to(ROOT)): bad for p in files if (bad := unsafe(p.read_text(encoding="utf-8")))}
    assert not found


def test_the_test_sees_each_kind():
    assert unsafe("torch.load('a')") and unsafe("torch.load('a', weights_only=False)")
    assert unsafe("pickle.load(f)") and unsafe("np.load('a', allow_pickle=True)")
    assert unsafe("torchaudio.load('a.wav')") and unsafe("torchaudio.save('a.wav', x, 1)")
    assert not unsafe("torch.load('a', weights_only=True)") and not unsafe("json.load(f)")
