"""text + reference clip -> waveform, by the continuous system and by the discrete baseline."""
