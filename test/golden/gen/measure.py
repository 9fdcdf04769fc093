"""test/golden/measure.json: SEP's numbers of made galaxies (Debian's python3-sep 1.2.1).

    /usr/bin/python3 test/golden/gen/measure.py

A galaxy is peak * exp(-r / scale) on ellipses plus noise of a linear congruential generator, so that the test makes the
same stamp from the numbers of a case. The sky is 0 and sigma is known on both sides.
"""
import json
from pathlib import Path

import numpy as np
import sep

SIZE, SIGMA = 48, 1.0
KERNEL = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]], dtype=np.float32)
CASES = [
    dict(peak=200, scale=3.0, q=1.0, angle=0, x=23.5, y=23.5, seed=1),
    dict(peak=120, scale=4.0, q=0.7, angle=30, x=24.2, y=23.1, seed=2),
    dict(peak=300, scale=3.5, q=0.4, angle=100, x=23.0, y=24.4, seed=3),
    dict(peak=80, scale=4.5, q=0.25, angle=160, x=23.7, y=23.2, seed=4),
    dict(peak=30, scale=3.0, q=0.6, angle=60, x=24.0, y=24.0, seed=5),
    dict(peak=1000, scale=1.5, q=0.8, angle=135, x=23.3, y=23.8, seed=6),
]


def stamp(case):
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(float)
    c, s = np.cos(np.radians(case["angle"])), np.sin(np.radians(case["angle"]))
    dx, dy = x - case["x"], y - case["y"]
    along, across = dx * c + dy * s, (dy * c - dx * s) / case["q"]
    light = case["peak"] * np.exp(-np.hypot(along, across) / case["scale"])
    state, noise = case["seed"], np.zeros(SIZE * SIZE)
    for i in range(SIZE * SIZE):
        total = 0.0
        for _ in range(4):
            state = (1664525 * state + 1013904223) % 2**32
            total += state / 2**32
        noise[i] = SIGMA * (total - 2) * np.sqrt(3)
    return (light + noise.reshape(SIZE, SIZE)).astype(np.float32)


def measure(data):
    objects = sep.extract(data, 1.5 * SIGMA, minarea=5, filter_kernel=KERNEL, filter_type="conv", deblend_cont=1.0, clean=False)
    at = int(np.argmax(objects["npix"]))
    x, y, a, b, theta = (np.atleast_1d(objects[k][at]) for k in ("x", "y", "a", "b", "theta"))
    kron, _ = sep.kron_radius(data, x, y, a, b, theta, 6.0)
    flux, error, _ = sep.sum_ellipse(data, x, y, a, b, theta, 2.5 * kron, err=SIGMA, subpix=5)
    r50, _ = sep.flux_radius(data, x, y, 6.0 * a, 0.5, normflux=flux, subpix=5)
    low, high = 0.05, 6.0
    for _ in range(40):
        middle = (low + high) / 2
        inside, _, _ = sep.sum_ellipse(data, x, y, a, b, theta, middle, subpix=0)
        low, high = (middle, high) if inside[0] < flux[0] / 2 else (low, middle)
    circle, _, _ = sep.sum_circle(data, x, y, 5.0, subpix=5)
    number = lambda v: round(float(np.atleast_1d(v)[0]), 5)
    return dict(
        x=number(x), y=number(y), q=number(b / a), angle=number(np.degrees(theta) % 180), kronPx=number(2.5 * kron * a),
        flux=number(flux), fluxErr=number(error), r50=number(r50), r50Major=number(low * a), aperture=number(circle),
        area=int(objects["npix"][at]),
    )


golden = Path(__file__).parents[1] / "measure.json"
cases = [dict(**case, sep=measure(stamp(case))) for case in CASES]
golden.write_text(json.dumps(dict(by=f"SEP {sep.__version__}", sizePx=SIZE, sigma=SIGMA, cases=cases), indent=1) + "\n")
