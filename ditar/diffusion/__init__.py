"""Diffusion: the schedule's mathematics, the scheduler with temperature, guidance."""
