"""Manifests, audio crops, latents on disk and batches."""
