"""Makes ../detection-sky.json: sky positions of pixels and sky boxes of pixel boxes under a turned TAN-SIP header.

By astropy's WCS and the package regions (Debian: python3-astropy, python3-regions). Run: /usr/bin/python3 -P detection_sky.py (-P: regions.py beside it is another)
"""
import json
import pathlib

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from regions import PixCoord, RectanglePixelRegion

turn, scale = np.deg2rad(27.0), 0.262 / 3600
cards = {
    "CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP", "CRPIX1": 190.5, "CRPIX2": 170.5, "CRVAL1": 150.1, "CRVAL2": 32.2,
    "CD1_1": -scale * np.cos(turn), "CD1_2": scale * np.sin(turn), "CD2_1": scale * np.sin(turn), "CD2_2": scale * np.cos(turn),
    "RADESYS": "ICRS", "A_ORDER": 3, "B_ORDER": 3, "A_2_0": 3e-6, "A_1_1": -2e-6, "A_0_3": 4e-9, "B_0_2": 2e-6, "B_1_1": 1e-6, "B_3_0": -5e-9,
}
header = fits.Header()
header["NAXIS"], header["NAXIS1"], header["NAXIS2"] = 2, 380, 340
for key, value in cards.items():
    header[key] = value
wcs = WCS(header)
random = np.random.default_rng(1)
grid = np.array([(x, y) for y in range(34, 340, 64) for x in range(20, 380, 36)], float)[:50]
pixels = grid + random.uniform(-3, 3, grid.shape)
sky = wcs.pixel_to_world(*pixels.T)
boxes = []
for x, y in pixels[:12]:
    width, height = random.integers(6, 40, 2)
    x1, y1 = int(x - width / 2), int(y - height / 2)
    middle = PixCoord((x1 + x1 + width - 1) / 2, (y1 + y1 + height - 1) / 2)
    region = RectanglePixelRegion(middle, width, height).to_sky(wcs)
    boxes.append({"box": [x1, y1, x1 + int(width), y1 + int(height)], "ra": region.center.icrs.ra.deg, "dec": region.center.icrs.dec.deg,
                  "width": region.width.to_value("arcsec"), "height": region.height.to_value("arcsec"), "angle": region.angle.to_value("deg")})
cards = {key: (float(value) if isinstance(value, np.floating) else value) for key, value in cards.items()}
result = {"cards": cards, "pixels": pixels.tolist(), "sky": [[float(a), float(b)] for a, b in zip(sky.ra.deg, sky.dec.deg)], "boxes": boxes}
pathlib.Path(__file__).parent.parent.joinpath("detection-sky.json").write_text(json.dumps(result) + "\n")
