"""Sweeps: a grid of sampling settings times seeds over (text, reference) pairs, to measure and to hear.

grid + pairs -> run     WAVs, batches filled across grid points; what is finished stays
             -> score   word error, similarity, failures of each WAV; mean and spread of each grid point
             -> tables  CSV, Markdown;  plots: heat maps and curves;  page: one HTML file with everything in it
"""


class SweepError(ValueError):
    """A sweep that cannot be done; the message quotes the value and the remedy."""
