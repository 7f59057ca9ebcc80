"""Diffusion: the schedule's mathematics, solvers, the scheduler with temperature, guidance.

The names of the solvers and of the time grids stand here, since the command line shows them without torch.
"""

# "ddim" is ours (`ddim.py`); the others are diffusers' (`diffusers_solver.py`).
SOLVERS = ("ddim", "diffusers-ddim", "dpm-solver++", "unipc")
TIME_GRIDS = ("uniform", "cosine", "sway")  # `schedule.time_grid`
