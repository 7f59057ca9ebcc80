"""Blocks that both systems share: attention with RoPE, cross-attention, key-value cache, transformer, time embedding,
model files."""
