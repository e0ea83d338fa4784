"""PSF photometry from scratch."""
