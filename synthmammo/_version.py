"""Which code this is, in three numbers: the release, and the versions of the pixels and of the bytes it makes.

The release number is for people and may change with no pixel changed: it is shown, and recorded in manifests and
DICOM files, but it is no part of a dataset's digest. The pixels version is part of every digest, since the code
decides pixels like the recipe does: `Unfinished` refuses to go on with a dataset of another one, and `verify` and
`regenerate` say so. The bytes version is part of every digest too: it tells files apart that hold the same pixels.
"""

__version__ = "0.2.0"

PIXELS_VERSION = 2
"""Raised by one with every change that alters the golden values of the tests: then the same recipe, archive or patch
options give other draws, pixels or masks than before. 0 in the manifests of release 0.1.0, which did not record it."""

BYTES_VERSION = 1
"""Raised by one with every change that writes the same pixels as other bytes: another encoding, or other facts beside
them. 0 in the manifests of releases 0.1.0 and 0.2.0, whose PNG files bear no mark of their origin."""
