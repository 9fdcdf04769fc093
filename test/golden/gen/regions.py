"""Makes test/golden/regions.json: RoIAlign (values and gradients) and NMS by torchvision.

Debian: apt-get install python3-torchvision (0.14.1), then /usr/bin/python3 test/golden/gen/regions.py.
Inputs follow from a formula (see `numbers`), so that only results are kept: of large ones, sums weighted by another
formula beside the first values.
"""
import json
import math
from pathlib import Path

import torch
import torchvision


def numbers(count, seed):
    """Numbers in [-1, 1) that any language computes alike: fractions of k * golden ratio, in double precision."""
    k = torch.arange(1, count + 1, dtype=torch.float64)
    return ((k * 0.6180339887498949 + seed * 0.7548776662466927) % 1.0) * 2 - 1


def boxes_of(kind, count, images, side, seed):
    r = (numbers(5 * count, seed).reshape(count, 5) + 1) / 2
    boxes = torch.zeros(count, 5, dtype=torch.float64)
    boxes[:, 0] = torch.floor(r[:, 0] * images)
    if kind == "inside":
        boxes[:, 1:3] = r[:, 1:3] * side * 0.6
        boxes[:, 3:5] = boxes[:, 1:3] + 1 + r[:, 3:5] * side * 0.4
    elif kind == "off":
        boxes[:, 1:3] = r[:, 1:3] * side * 2 - side * 0.7
        boxes[:, 3:5] = boxes[:, 1:3] + r[:, 3:5] * side
    elif kind == "flat":
        boxes[:, 1:3] = r[:, 1:3] * side
        boxes[:, 3:5] = boxes[:, 1:3]
    return boxes.float()


def digest(values):
    """The first 24 values, and three sums that any difference changes."""
    flat = values.double().flatten()
    weights = [numbers(flat.numel(), seed) for seed in (11, 12, 13)]
    return {"first": flat[:24].float().tolist(), "sums": [float((flat * w).sum()) for w in weights]}


def roi_cases():
    cases = []
    seed = 0
    for bins in ([7, 7], [14, 14], [28, 28], [3, 5]):
        for samples in (2, 0, 1):
            for kind, count in (("inside", 6), ("off", 5), ("flat", 3)):
                seed += 1
                channels, images, side = (1, 7, 256)[seed % 3] if bins != [28, 28] else 3, (1, 3)[seed % 2], 16
                aligned, scale = seed % 2 == 0, (1.0, 0.25)[seed % 4 // 2]
                features = numbers(images * channels * side * side, seed).reshape(images, channels, side, side).float()
                features.requires_grad_(True)
                boxes = boxes_of(kind, count, images, side / scale, seed + 100)
                out = torchvision.ops.roi_align(features, boxes, bins, scale, samples if samples > 0 else -1, aligned)
                out.backward(numbers(out.numel(), seed + 200).reshape(out.shape).float())
                cases.append({"bins": bins, "samples": samples, "kind": kind, "count": count, "images": images,
                              "channels": channels, "side": side, "scale": scale, "aligned": aligned, "seed": seed,
                              "boxes": boxes.tolist(), "out": digest(out.detach()), "grad": digest(features.grad)})
    return cases


def nms_cases():
    cases = []
    for n, count in enumerate([0, 1, 2, 5, 10, 20, 30, 40, 50, 60, 80, 100, 120, 150, 200, 250, 300, 400, 500, 600, 2000]):
        r = (numbers(5 * count, n + 300).reshape(count, 5) + 1) / 2
        corners = r[:, :2] * 60
        boxes = torch.cat([corners, corners + 1 + r[:, 2:4] * 20], 1).float()
        scores = r[:, 4].float()
        if n % 3 == 0:
            scores = torch.floor(scores * 8) / 8
        threshold = (0.3, 0.5, 0.7)[n % 3]
        kept = torchvision.ops.nms(boxes, scores, threshold)
        cases.append({"count": count, "seed": n + 300, "ties": n % 3 == 0, "threshold": threshold, "kept": kept.tolist()})
    return cases


target = Path(__file__).parent.parent / "regions.json"
target.write_text(json.dumps({"torchvision": torchvision.__version__, "roi": roi_cases(), "nms": nms_cases()}) + "\n")
print(f"{target}: {target.stat().st_size} bytes")
