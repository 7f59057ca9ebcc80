"""Diffusion: the schedule's mathematics, solvers, the scheduler with temperature, guidance.

The settings of sampling, with the names of the solvers and of the time grids, are in `config.sampling`.
"""
