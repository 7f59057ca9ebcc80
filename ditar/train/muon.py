"""Muon (Jordan 2024), fast on every CPU."""

import torch

from ditar.nn.precision import multiplies_bfloat16


class Muon(torch.optim.Muon):
    """As torch's, which iterates in bfloat16 everywhere; this one iterates in float32 where a device has no instructions for
    bfloat16. Updates have the size of AdamW's, 0.2 as a root mean square (Liu et al. 2025, "Muon is Scalable for LLM
    Training")."""

    def __init__(self, params, lr: float, weight_decay: float):
        super().__init__(params, lr=lr, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw")

    @torch.no_grad()
    def step(self, closure=None):
        """One update of every matrix that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for matrix in group["params"]:
                if matrix.grad is not None:
                    self._move(matrix, group)
        return loss

    def _move(self, matrix: torch.Tensor, group: dict) -> None:
        state = self.state[matrix]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(matrix.grad)
        momentum = state["momentum_buffer"].lerp_(matrix.grad, 1 - group["momentum"])
        update = matrix.grad.lerp(momentum, group["momentum"]) if group["nesterov"] else momentum
        dtype = torch.bfloat16 if multiplies_bfloat16(matrix.device) else torch.float32
        update = orthogonal(update.to(dtype), group["ns_coefficients"], group["ns_steps"], group["eps"])
        matrix.mul_(1 - group["lr"] * group["weight_decay"])
        matrix.add_(update, alpha=-group["lr"] * 0.2 * max(matrix.shape) ** 0.5)


def orthogonal(
    matrix: torch.Tensor, coefficients: tuple[float, float, float], steps: int, epsilon: float
) -> torch.Tensor:
    """A matrix (rows, columns) of the same singular vectors, whose singular values are all near 1: by Newton and Schulz's
    iteration, X <- aX + b(XX')X + c(XX')(XX')X."""
    a, b, c = coefficients
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / x.norm().clamp(min=epsilon)
    for _ in range(steps):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if tall else x
