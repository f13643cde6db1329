"""What many differences have in common, so that 412 findings are one sentence: over whole populations, with figures."""

from assay.drift.pairs.crowds.outcome import crowds_in, explained
from assay.drift.pairs.crowds.population import Population, population_of

__all__ = ["Population", "crowds_in", "explained", "population_of"]
