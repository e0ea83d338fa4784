"""Simulated images with known truth: point-spread functions, galaxies, noise, world coordinates, exposures.

Adding an embedded file to the course
-------------------------------------
1. Write a function that makes the file from a fixed seed, in a module of this package (one module a
   subject), and register it::

       from photcourse.simulate.registry import builder, write_fits

       @builder("m13_standin", "m13_standin.fits")
       def build_m13_standin(path):
           write_fits(path, {"cube": frames}, header=header, tables={"truth": truth})

   The first plane is the dataset's image (a 3-D one its cube; the first frame is then the image), each
   further plane and table is found by its name; a table named ``truth`` is `Dataset.truth`. Integer arrays
   (``uint16`` counts) stay exact and compress well.
2. Give it an entry under ``files`` of ``photcourse/data/manifest.yaml`` (copy that of ``visit_image.fits``;
   ``kind: embedded``, ``builder: m13_standin``; any 64 hex digits do for the checksum) and
   list it under a dataset: ``datasets: m13: embedded: files: [m13_standin.fits]`` with its sentence.
3. ``python -m photcourse.simulate.build m13_standin`` makes the file and writes its checksum and size into
   the manifest.
4. Nothing else: the test of the embedded files finds every one of them in the manifest, makes it again and
   compares all planes and tables with the shipped ones.

Keep a file below 1 MB, and its images not square.
"""

from __future__ import annotations

from .exposure import FULL_DETECTOR, MASK_PLANES, VisitSettings, visit_image
from .noise import expected_variance, observe
from .psf import add_galaxies, add_stars, gaussian_psf, moffat_psf, sersic_galaxy, sersic_mixture
from .registry import builder, builders, make, write_fits
from .sky import nearest_neighbour, scatter, tan_wcs

__all__ = [
    "FULL_DETECTOR",
    "MASK_PLANES",
    "VisitSettings",
    "add_galaxies",
    "add_stars",
    "make",
    "builder",
    "builders",
    "expected_variance",
    "gaussian_psf",
    "moffat_psf",
    "nearest_neighbour",
    "observe",
    "scatter",
    "sersic_galaxy",
    "sersic_mixture",
    "tan_wcs",
    "visit_image",
    "write_fits",
]
