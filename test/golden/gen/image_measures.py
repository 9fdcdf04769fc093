"""MSE, PSNR and SSIM of images given by a formula, by Debian's python3-skimage: writes ../image-measures.json."""

import json
import math
import pathlib

import numpy as np
import skimage
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio, structural_similarity


def image(channels, height, width, phase):
    """The same formula stands in src/measure/image.test.ts."""
    c, y, x = np.meshgrid(np.arange(channels), np.arange(height), np.arange(width), indexing="ij")
    return 0.5 + 0.3 * np.sin(0.37 * x + 0.11 * c + phase) * np.cos(0.23 * y - 0.5 * phase) + 0.15 * np.sin(1.7 * x * (y + 1) / 9 + phase)


cases = []
for channels, height, width, phase, data_range in [(3, 24, 20, 0.05, 1.0), (1, 7, 7, 0.4, 1.0), (3, 64, 64, 1.1, 1.0), (2, 15, 33, 0.2, 255.0)]:
    a = image(channels, height, width, 0.0) * data_range
    b = image(channels, height, width, phase) * data_range
    cases.append(
        {
            "channels": channels,
            "height": height,
            "width": width,
            "phase": phase,
            "dataRange": data_range,
            "mse": mean_squared_error(a, b),
            "psnr": peak_signal_noise_ratio(a, b, data_range=data_range),
            "ssim": structural_similarity(a, b, channel_axis=0, data_range=data_range),
        }
    )
assert all(math.isfinite(case[key]) for case in cases for key in ("mse", "psnr", "ssim"))
path = pathlib.Path(__file__).parent.parent / "image-measures.json"
path.write_text(json.dumps({"skimage": skimage.__version__, "cases": cases}, indent=1) + "\n")
