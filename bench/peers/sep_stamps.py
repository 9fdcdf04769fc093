"""The peer of `skyloop bench measure`: the middle source of each stamp by sep.

Sky of every band, sources, Kron flux and two radii in the middle band. Prints JSON: seconds, processor seconds, median radius
of half the light in pixels.
Run: sep_stamps.py STAMPS.f32 BANDS SIDE (Debian's python3-sep); float32 [stamps, bands, side, side].
"""
import json
import sys
import time

import numpy as np
import sep

path, bands, side = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
stamps = np.memmap(path, dtype="<f4", mode="r").reshape(-1, bands, side, side)
radii = []
start, used = time.time(), time.process_time()
for stamp in stamps:
    planes = [np.array(plane) for plane in stamp]
    skies = [sep.Background(plane) for plane in planes]
    light = planes[bands // 2] - skies[bands // 2].back()
    noise = skies[bands // 2].globalrms
    objects, labels = sep.extract(light, 1.5, err=noise, deblend_cont=0.02, segmentation_map=True)
    if len(objects) == 0:
        continue
    middle = (side - 1) / 2
    at = int(np.argmin((objects["x"] - middle) ** 2 + (objects["y"] - middle) ** 2))
    x, y, a, b, theta = (np.atleast_1d(objects[at][key]) for key in ("x", "y", "a", "b", "theta"))
    others = (labels != 0) & (labels != at + 1)
    kron, _ = sep.kron_radius(light, x, y, a, b, theta, 6.0, mask=others)
    flux, _, _ = sep.sum_ellipse(light, x, y, a, b, theta, 2.5 * kron, err=noise, mask=others)
    found, _ = sep.flux_radius(light, x, y, 6.0 * a, [0.5, 0.8], mask=others, normflux=flux)
    radii.append(float(np.atleast_2d(found)[0, 0]))
seconds, used = time.time() - start, time.process_time() - used
print(json.dumps({"seconds": seconds, "processorSeconds": used, "r50Px": float(np.median(radii))}))
