"""Sweeps: a grid of sampling settings times seeds over (text, reference) pairs, to measure and to listen to.

grid + pairs -> run     WAVs, batches filled across grid points; finished ones are kept
             -> score   word error, similarity, failures of each WAV; mean and spread of each grid point
             -> tables  CSV, Markdown;  plots: heat maps and curves;  page: one HTML file with everything in it
"""


class SweepError(ValueError):
    """A sweep that is not possible; the message quotes the value and the remedy."""
