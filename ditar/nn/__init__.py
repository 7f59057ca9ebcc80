"""Blocks shared by both systems: attention with RoPE, cross-attention, key-value cache, transformer, time embedding."""

from ditar.nn.cpu_kernels import install

install()  # for speed on CPUs only: without this call and that file, all results are the same within rounding
