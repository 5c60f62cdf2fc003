"""Maps from a dynamic series: enhancement curves and pharmacokinetic models."""
