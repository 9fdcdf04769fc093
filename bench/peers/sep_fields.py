"""Sources of FITS fields [3, H, W] by sep: g + r + z in units of their noise, 1.5 sigma, its other settings as they are.

Prints JSON: for each file the x, y (0-based) and peak of its sources; processor seconds of finding, without reading.
Run: sep_fields.py FILE... (Debian's python3-sep and python3-astropy)
"""
import json
import sys
import time

import numpy as np
import sep
from astropy.io import fits

fields, seconds = [], []
for path in sys.argv[1:]:
    planes = fits.getdata(path).astype(np.float32)
    start = time.process_time()
    total = np.zeros(planes.shape[1:], np.float32)
    for plane in planes:
        plane = np.ascontiguousarray(plane)
        background = sep.Background(plane)
        total += (plane - background.back()) / background.globalrms
    total /= np.sqrt(len(planes))
    found = sep.extract(total, 1.5, err=float(sep.Background(total).globalrms))
    seconds.append(time.process_time() - start)
    fields.append([[float(x), float(y), float(p)] for x, y, p in zip(found["x"], found["y"], found["peak"])])
print(json.dumps({"version": sep.__version__, "fields": fields, "seconds": seconds}))
