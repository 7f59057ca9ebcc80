"""Diffusion: the schedule's mathematics, solvers, the scheduler with temperature, guidance.

Sampling settings, with the names of solvers and time grids, are in `config.sampling`.
"""
