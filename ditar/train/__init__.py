"""One training loop for every system; a system is its losses, its batches and its validation."""
