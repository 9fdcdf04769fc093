"""Deconvolution and inpainting of images given by a formula, by Debian's python3-skimage: writes ../restoration.json."""

import json
import pathlib

import numpy as np
import scipy.ndimage
import skimage
from skimage.restoration import inpaint_biharmonic, richardson_lucy, wiener


def image(size, phase):
    """The same formula stands in test/fixtures/formulas.ts."""
    y, x = np.meshgrid(np.arange(size), np.arange(size), indexing="ij")
    return 0.5 + 0.3 * np.sin(0.37 * x + phase) * np.cos(0.23 * y - 0.5 * phase) + 0.15 * np.sin(1.7 * x * (y + 1) / 9 + phase)


def kernel(size):
    y, x = np.meshgrid(np.arange(size), np.arange(size), indexing="ij")
    half = (size - 1) / 2
    values = 1 / (1 + ((x - half) ** 2 + (y - half) ** 2) / 4) ** 3 + 0.02 * (x > half)
    return (values / values.sum()).astype(np.float32).astype(float)


SIZE = 24
picture = image(SIZE, 0.4).astype(np.float32).astype(float)
psf = kernel(7)
mask = np.zeros((SIZE, SIZE), dtype=bool)
# Patches in the middle, at an edge, in a corner, touching one another, and one pixel alone.
for top, left, size in [(4, 5, 4), (0, 10, 4), (20, 20, 4), (10, 12, 8), (14, 20, 4), (17, 3, 1), (0, 0, 2)]:
    mask[top : top + size, left : left + size] = True
nearest = scipy.ndimage.distance_transform_edt(mask)
json_path = pathlib.Path(__file__).parent.parent / "restoration.json"
json_path.write_text(
    json.dumps(
        {
            "skimage": skimage.__version__,
            "sizePx": SIZE,
            "mask": mask.astype(int).ravel().tolist(),
            "richardsonLucy": richardson_lucy(picture, psf, num_iter=12, clip=False).ravel().tolist(),
            "wiener": wiener(picture, psf, balance=0.02, clip=False).ravel().tolist(),
            "biharmonic": inpaint_biharmonic(picture, mask).ravel().tolist(),
            "distance": nearest.ravel().tolist(),
        }
    )
    + "\n"
)
