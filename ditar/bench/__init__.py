"""How fast, how soon, how large: speech of fixed lengths from any checkpoint or configuration, measured in one run.

setup    checkpoint or configuration -> model and VAE in each variant (steps, guidance, prefix cache, dtype, threads)
exported the same weights as ONNX graphs, by ditar.onnx
graphs   LocDiT's steps as CUDA graphs
measure  one case: seconds, shares of the parts, peak memory, FLOPs
study    lengths, batch sizes, variants and first audio in turn, so that ratios are from one run
training a training step, timed
tables   Markdown and a plot
load     a running server, with many clients
"""


class BenchError(ValueError):
    """A measurement that is not possible; the message quotes the value and the remedy."""
