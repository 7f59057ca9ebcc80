"""The continuous system: patches -> aggregation encoder -> LM -> LocDiT, stop head; its loss and its generation."""

from ditar.model.ditar import DiTAR

__all__ = ["DiTAR"]
