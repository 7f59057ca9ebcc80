"""Gaussian data N(0, Sigma), where the exact u is linear in x: everything about a solver is known."""

import torch

from ditar.diffusion.schedule import angle_parts

COVARIANCE = torch.tensor([[1.5, 0.6], [0.6, 0.5]], dtype=torch.float64)


def exact_u(x, t, covariance):
    """E[u | x_t = x] for data N(0, covariance) and rows x: cs (I - Sigma) (c^2 Sigma + s^2 I)^-1 x."""
    c, s = angle_parts(t)
    identity = torch.eye(len(covariance), dtype=torch.float64)
    return x @ torch.linalg.solve(c * c * covariance + s * s * identity, c * s * (identity - covariance)).to(x.dtype)


def solve(process, x, covariance, generator=None):
    """Follow a process from x at t = 1 to t = 0."""
    for index, t in enumerate(process.times[:-1]):
        x = process.step(index, exact_u(x, t, covariance), x, generator)
    return x


def exact_end(x, covariance):
    """Where the ODE takes x from t = 1: Sigma^(1/2) x, since its variance c^2 Sigma + s^2 I commutes with itself."""
    values, vectors = torch.linalg.eigh(covariance)
    return x @ (vectors * values.sqrt()) @ vectors.T
