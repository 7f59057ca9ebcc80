"""Manifests and their rules, audio crops, latents on disk and batches."""
