"""Makes ../wcs.json with astropy: sky positions of pixels under several headers. Run: /usr/bin/python3 wcs.py"""
import json
import pathlib

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

base = {"NAXIS": 2, "NAXIS1": 200, "NAXIS2": 150, "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRPIX1": 100.5, "CRPIX2": 75.5}
scale = 0.262 / 3600
cases = {
    "cd": {**base, "CRVAL1": 150.1, "CRVAL2": 2.2, "CD1_1": -scale, "CD1_2": 1e-6, "CD2_1": 2e-6, "CD2_2": scale},
    "cdelt": {**base, "CRVAL1": 0.001, "CRVAL2": -45, "CDELT1": -scale, "CDELT2": scale},
    "pc": {**base, "CRVAL1": 359.999, "CRVAL2": 60, "CDELT1": -scale, "CDELT2": scale, "PC1_1": 0.8, "PC1_2": -0.6, "PC2_1": 0.6, "PC2_2": 0.8},
    "crota": {**base, "CRVAL1": 200, "CRVAL2": 85, "CDELT1": -0.01, "CDELT2": 0.01, "CROTA2": 30},
    "lonpole": {**base, "CRVAL1": 30, "CRVAL2": -20, "CDELT1": -scale, "CDELT2": scale, "LONPOLE": 150},
    "swapped": {**base, "CTYPE1": "DEC--TAN", "CTYPE2": "RA---TAN", "CRVAL1": 12, "CRVAL2": 80, "CDELT1": scale, "CDELT2": -scale},
    "sip": {**base, "CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP", "CRVAL1": 10, "CRVAL2": 20, "CD1_1": -0.001, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": 0.001,
            "A_ORDER": 2, "B_ORDER": 2, "A_2_0": 2e-6, "A_1_1": -1e-6, "B_0_2": 3e-6, "B_1_1": 1e-6},
}
pixels = [[0, 0], [99.5, 74.5], [199, 149], [-20.25, 160.75], [57.3, 3.9]]
result = {}
for name, cards in cases.items():
    header = fits.Header(cards)
    sky = WCS(header).all_pix2world(np.array(pixels, float), 0)
    swap = name == "swapped"
    result[name] = {"cards": cards, "pixels": pixels, "sky": [[float(b), float(a)] if swap else [float(a), float(b)] for a, b in sky]}
pathlib.Path(__file__).parent.parent.joinpath("wcs.json").write_text(json.dumps(result, indent=1) + "\n")
