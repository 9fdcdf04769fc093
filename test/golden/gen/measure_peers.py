"""Measurements of a survey beside SEP's and photutils' own, on the same stamps less the same sky.

    apt-get install python3-sep python3-photutils
    skyloop survey simulate sim --count 200 && skyloop measure sim
    npx tsx test/golden/gen/stamps.ts sim sim-stamps
    /usr/bin/python3 test/golden/gen/measure_peers.py sim sim-stamps [NAME [CONTRAST]]

Prints the median, the 90th percentile and the largest difference of each number over the objects without a flag of a
neighbour or of the edge, and over all. Tolerances: flux 1 %, r50 2 %, axis ratio 0.01, angle 1 degree (axis ratio < 0.8).
"""
import json
import sys
import warnings

import numpy as np
import sep
from astropy.convolution import convolve
from photutils.segmentation import SourceCatalog, deblend_sources, detect_sources

warnings.filterwarnings("ignore")
KERNEL = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]], dtype=np.float32) / 16
THRESHOLD, MIN_AREA = 1.5, 5
BLENDED, TRUNCATED, LOW_SNR, MASKED, NO_SOURCE, BLANK = 1, 2, 4, 64, 128, 256


def stamps(path):
    numbers = np.memmap(f"{path}.f32", dtype="<f4", mode="r")
    at = 0
    for shape in json.load(open(f"{path}.json"))["shapes"]:
        yield numbers[at : at + np.prod(shape)].reshape(shape)
        at += np.prod(shape)


def of_sep(data, sigma, x0, y0, mask, contrast):
    objects, seg = sep.extract(
        data, THRESHOLD * sigma, mask=mask, minarea=MIN_AREA, filter_kernel=KERNEL, filter_type="conv",
        deblend_nthresh=32, deblend_cont=contrast, clean=False, segmentation_map=True,
    )
    if len(objects) == 0:
        return None
    at = int(np.argmin((objects["x"] - x0) ** 2 + (objects["y"] - y0) ** 2))
    o = objects[at]
    others = (mask if mask is not None else np.zeros(data.shape, bool)) | ((seg != 0) & (seg != at + 1))
    x, y, a, b, theta = (np.atleast_1d(o[k]) for k in ("x", "y", "a", "b", "theta"))
    kron, _ = sep.kron_radius(data, x, y, a, b, theta, 6.0, mask=others)
    flux, _, _ = sep.sum_ellipse(data, x, y, a, b, theta, 2.5 * kron, mask=others, subpix=5)
    r50, _ = sep.flux_radius(data, x, y, 6.0 * a, 0.5, mask=others, normflux=flux, subpix=5)
    low, high = 0.05, 6.0
    for _ in range(40):
        middle = (low + high) / 2
        inside, _, _ = sep.sum_ellipse(data, x, y, a, b, theta, middle, mask=others, subpix=0)
        low, high = (middle, high) if inside[0] < flux[0] / 2 else (low, middle)
    return dict(flux=flux[0], r50=r50[0], r50_major=low * a[0], q=b[0] / a[0], angle=np.degrees(theta[0]), area=int((seg == at + 1).sum()))


def of_photutils(data, sigma, x0, y0, mask, contrast):
    soft = convolve(data, np.array(KERNEL, dtype=float), boundary="fill", fill_value=0, normalize_kernel=False)
    seg = detect_sources(soft, THRESHOLD * sigma, npixels=MIN_AREA, mask=mask)
    if seg is None:
        return None
    if contrast < 1:
        seg = deblend_sources(soft, seg, npixels=MIN_AREA, nlevels=32, contrast=contrast, progress_bar=False)
    cat = SourceCatalog(data, seg, convolved_data=soft, mask=mask, kron_params=(2.5, 0.7, 0.0), apermask_method="correct")
    at = int(np.argmin((np.atleast_1d(cat.xcentroid) - x0) ** 2 + (np.atleast_1d(cat.ycentroid) - y0) ** 2))
    one = cat[at]
    value = lambda v: float(np.atleast_1d(getattr(v, "value", v))[0])
    return dict(
        flux=value(one.kron_flux), r50=value(one.fluxfrac_radius(0.5)), r50_major=np.nan,
        q=value(one.semiminor_sigma) / value(one.semimajor_sigma), angle=value(one.orientation), area=int(value(one.area)),
    )


def turned(a, b):
    return abs((a - b + 90) % 180 - 90)


def main(folder, path, name="measured", contrast=0.02):
    header = json.load(open(f"{folder}/predictions/{name}.json"))
    columns = [c["name"] for c in header["columns"]]
    band = next(c["about"] for c in header["columns"] if c["name"] == "r50").split(" in ")[-1]
    scale = json.load(open(f"{folder}/survey.json"))["pixelScaleArcsec"] or 1
    plane = json.load(open(f"{folder}/survey.json"))["bands"].index(band)
    rows = np.fromfile(f"{folder}/predictions/{name}.f32", "<f4").reshape(-1, len(columns))
    peers = {"SEP": of_sep, "photutils": of_photutils}
    found = {peer: [] for peer in peers}
    for stamp, row in zip(stamps(path), rows):
        m = dict(zip(columns, row.astype(float)))
        flags = int(m["flags"])
        if flags & (NO_SOURCE | BLANK) or not m[f"sky_sigma_{band}"] > 0:
            continue
        data = np.ascontiguousarray(stamp[plane] - np.float32(m[f"sky_{band}"]), dtype=np.float32)
        mask = ~np.isfinite(data)
        data[mask] = 0
        for peer, measure in peers.items():
            p = measure(data, m[f"sky_sigma_{band}"], m["x"], m["y"], mask if mask.any() else None, contrast)
            if p is None:
                continue
            angle = (m["position_angle"] + 90) % 180
            found[peer].append([
                flags, p["q"],
                m[f"kron_flux_{band}"] / p["flux"] - 1, m["r50"] / scale / p["r50"] - 1, m["r50_major"] / scale / p["r50_major"] - 1,
                m["axis_ratio"] - p["q"], turned(angle, p["angle"]), m["area"] - p["area"],
            ])
    for peer, values in found.items():
        all_ = np.array(values)
        alone = (all_[:, 0].astype(int) & (BLENDED | TRUNCATED | MASKED | LOW_SNR)) == 0
        for what, part in (("no neighbour, not cut, S/N > 5", all_[alone]), ("all", all_)):
            print(f"{peer}: {what}: {len(part)} objects")
            for k, (label, tolerance) in enumerate((("flux", 0.01), ("r50", 0.02), ("r50_major", 0.02), ("axis ratio", 0.01), ("angle, q < 0.8", 1.0), ("area", 0))):
                v = np.abs(part[part[:, 1] < 0.8][:, 2 + k] if k == 4 else part[:, 2 + k])
                v = v[np.isfinite(v)]
                if len(v):
                    print(f"  {label:16s} median {np.median(v):.5f}  90 % {np.quantile(v, 0.9):.5f}  largest {v.max():.5f}  within {tolerance}: {np.mean(v <= tolerance):.3f}")


if __name__ == "__main__":
    main(*sys.argv[1:4], **({"contrast": float(sys.argv[4])} if len(sys.argv) > 4 else {}))
