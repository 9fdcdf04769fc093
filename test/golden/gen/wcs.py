"""Makes ../wcs.json with astropy: ICRS positions of pixels under several headers. Run: /usr/bin/python3 wcs.py"""
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
    "pc of old": {**base, "CRVAL1": 195, "CRVAL2": 20, "CDELT1": scale, "CDELT2": scale, "PC001001": -1.0, "PC001002": 0.0, "PC002001": 0.01, "PC002002": 1.0},
    "crota": {**base, "CRVAL1": 200, "CRVAL2": 85, "CDELT1": -0.01, "CDELT2": 0.01, "CROTA2": 30},
    "lonpole": {**base, "CRVAL1": 30, "CRVAL2": -20, "CDELT1": -scale, "CDELT2": scale, "LONPOLE": 150},
    "swapped": {**base, "CTYPE1": "DEC--TAN", "CTYPE2": "RA---TAN", "CRVAL1": 12, "CRVAL2": 80, "CDELT1": scale, "CDELT2": -scale},
    "sip": {**base, "CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP", "CRVAL1": 10, "CRVAL2": 20, "CD1_1": -0.001, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": 0.001,
            "A_ORDER": 2, "B_ORDER": 2, "A_2_0": 2e-6, "A_1_1": -1e-6, "B_0_2": 3e-6, "B_1_1": 1e-6},
    "tpv": {**base, "CTYPE1": "RA---TPV", "CTYPE2": "DEC--TPV", "CRVAL1": 150, "CRVAL2": 2, "CD1_1": -0.001, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": 0.001, **{f"PV{i}_{m}": v for i in (1, 2) for m, v in ((0, 3e-4), (1, 1.001), (2, -2e-4), (3, 1e-4), (4, 0.02), (5, -0.03), (6, 0.01), (7, 0.05), (9, -0.02), (10, 0.01), (11, 0.03), (13, 0.1), (17, 0.2), (23, -0.1))}},
    "scamp": {**base, "CRVAL1": 150, "CRVAL2": 2, "CD1_1": -7.3e-5, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": 7.3e-5, "PV1_0": 3e-4, "PV1_1": 1.001, "PV1_2": 2e-4, "PV1_4": 0.4, "PV1_5": 0.1, "PV1_6": 0.2, "PV1_7": 0.0, "PV2_0": -2e-4, "PV2_1": 0.999, "PV2_2": 1e-4, "PV2_4": -0.3, "PV2_5": 0.2, "PV2_6": 0.1, "PV2_7": 0.0},
    "sin": {**base, "CTYPE1": "RA---SIN", "CTYPE2": "DEC--SIN", "CRVAL1": 83.6, "CRVAL2": 22, "CDELT1": -0.01, "CDELT2": 0.01},
    "sin slant": {**base, "CTYPE1": "RA---SIN", "CTYPE2": "DEC--SIN", "CRVAL1": 83.6, "CRVAL2": 40, "CDELT1": -0.01, "CDELT2": 0.01, "PV2_1": 0.02, "PV2_2": 1.1},
    "ncp": {**base, "CTYPE1": "RA---NCP", "CTYPE2": "DEC--NCP", "CRVAL1": 83.6, "CRVAL2": 60, "CDELT1": -0.01, "CDELT2": 0.01},
    "arc": {**base, "CTYPE1": "RA---ARC", "CTYPE2": "DEC--ARC", "CRVAL1": 10, "CRVAL2": -60, "CDELT1": -0.02, "CDELT2": 0.02, "CROTA2": -20},
    "stg": {**base, "CTYPE1": "RA---STG", "CTYPE2": "DEC--STG", "CRVAL1": 10, "CRVAL2": 30, "CDELT1": -0.02, "CDELT2": 0.02},
    "zea": {**base, "CTYPE1": "RA---ZEA", "CTYPE2": "DEC--ZEA", "CRVAL1": 10, "CRVAL2": -89, "CDELT1": -0.02, "CDELT2": 0.02},
    "zpn": {**base, "CTYPE1": "RA---ZPN", "CTYPE2": "DEC--ZPN", "CRVAL1": 10, "CRVAL2": 30, "CDELT1": -0.005, "CDELT2": 0.005, "PV2_1": 1.0, "PV2_3": 44.0, "PV2_5": -10300.0},
    "fk5": {**base, "CRVAL1": 150.1, "CRVAL2": 2.2, "CDELT1": -scale, "CDELT2": scale, "RADESYS": "FK5", "EQUINOX": 2000.0},
    "fk5 of 1975": {**base, "CRVAL1": 150.1, "CRVAL2": 2.2, "CDELT1": -scale, "CDELT2": scale, "RADESYS": "FK5", "EQUINOX": 1975.0},
    "equinox alone": {**base, "CRVAL1": 210, "CRVAL2": -62, "CDELT1": -scale, "CDELT2": scale, "EQUINOX": 1950.0},
    "fk4": {**base, "CRVAL1": 150.1, "CRVAL2": 2.2, "CDELT1": -scale, "CDELT2": scale, "RADESYS": "FK4", "EQUINOX": 1950.0},
    "fk4 of 1975": {**base, "CRVAL1": 300, "CRVAL2": 70, "CDELT1": -scale, "CDELT2": scale, "RADESYS": "FK4", "EQUINOX": 1975.0},
    "galactic": {**base, "CTYPE1": "GLON-TAN", "CTYPE2": "GLAT-TAN", "CRVAL1": 120, "CRVAL2": -30, "CDELT1": -0.001, "CDELT2": 0.001},
    "arcsec": {**base, "CUNIT1": "arcsec", "CUNIT2": "arcsec", "CRVAL1": 150 * 3600, "CRVAL2": 2 * 3600, "CDELT1": -0.262, "CDELT2": 0.262},
    "sip without its suffix": {**base, "CRVAL1": 10, "CRVAL2": 20, "CD1_1": -0.001, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": 0.001,
            "A_ORDER": 2, "B_ORDER": 2, "A_2_0": 2e-6, "A_1_1": -1e-6, "B_0_2": 3e-6, "B_1_1": 1e-6},
}
pixels = [[0, 0], [99.5, 74.5], [199, 149], [-20.25, 160.75], [57.3, 3.9]]
result = {}
for name, cards in cases.items():
    header = fits.Header(cards)
    found = WCS(header).pixel_to_world(*np.array(pixels, float).T).icrs
    result[name] = {"cards": cards, "pixels": pixels, "sky": [[float(a), float(b)] for a, b in zip(found.ra.deg, found.dec.deg)]}
pathlib.Path(__file__).parent.parent.joinpath("wcs.json").write_text(json.dumps(result, indent=1) + "\n")
