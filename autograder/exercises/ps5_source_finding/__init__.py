"""ps5: finding stars, merging catalogues, photometry of a whole field."""
