"""The peer of `skyloop bench regions`: torchvision's RoIAlign and NMS, timed on Debian's python3-torchvision.

Run: /usr/bin/python3 regions.py BOXES ROUNDS; prints JSON: the least milliseconds of each, wall and processor time.
"""
import json
import sys
import time

import torch
import torchvision

BOXES, ROUNDS = int(sys.argv[1]), int(sys.argv[2])
torch.manual_seed(1)
features = torch.randn(2, 256, 64, 64, requires_grad=True)
corners = torch.rand(BOXES, 2) * 220
boxes = torch.cat([torch.arange(BOXES).remainder(2)[:, None].float(), corners, corners + 10 + torch.rand(BOXES, 2) * 26], 1)
many = torch.cat([boxes[:, 1:], boxes[:, 1:] + 1.5])
scores = torch.rand(2 * BOXES)


def least(body):
    best = [float("inf")] * 2
    for _ in range(ROUNDS):
        wall, cpu = time.perf_counter(), time.process_time()
        body()
        best = [min(best[0], 1e3 * (time.perf_counter() - wall)), min(best[1], 1e3 * (time.process_time() - cpu))]
    return {"wallMs": best[0], "cpuMs": best[1]}


def align():
    return torchvision.ops.roi_align(features, boxes, (7, 7), 0.25, 2, False)


with torch.no_grad():
    align()
    forward = least(align)
out = align()
ones = torch.ones_like(out)
backward = least(lambda: torch.autograd.grad(out, features, ones, retain_graph=True))
print(json.dumps({"roi_align": forward, "its gradient": backward,
                  "nms": least(lambda: torchvision.ops.nms(many, scores, 0.5))}))
