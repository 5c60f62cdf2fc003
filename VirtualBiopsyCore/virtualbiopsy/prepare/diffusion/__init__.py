"""Maps from diffusion-weighted images: the apparent diffusion coefficient and, as an option, IVIM."""
