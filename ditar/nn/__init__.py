"""Blocks that both systems share: attention with RoPE, key-value cache, transformer, time embedding."""
