"""From a case to comparable images: units, bias field, registration, resampling, normalisation."""
