"""The peer of `skyloop bench detect`: torchvision's Mask R-CNN on a ResNet50, timed on Debian's python3-torchvision.

Run: /usr/bin/python3 detect.py field SIZES ROUNDS: milliseconds of all tiles of a field, one after another, wall and
     processor time; SIZES is JSON, [width, height] of each tile.
     /usr/bin/python3 detect.py train SIZES ROUNDS: the same of a step on 4 images of the first size, pyramid of 128
     channels, 64 boxes.
Prints JSON with the peak memory in MB.
"""
import json
import resource
import sys
import time

import torch
from torchvision.models.detection import MaskRCNN, maskrcnn_resnet50_fpn
from torchvision.models.detection.backbone_utils import _resnet_fpn_extractor
from torchvision.models.resnet import resnet50
from torchvision.ops import FeaturePyramidNetwork
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

WORK, SIZES, ROUNDS = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
SIZE = max(SIZES[0])
torch.manual_seed(1)


def trained():
    backbone = _resnet_fpn_extractor(resnet50(), 5)
    backbone.fpn = FeaturePyramidNetwork([256, 512, 1024, 2048], 128, LastLevelMaxPool())
    backbone.out_channels = 128
    return MaskRCNN(backbone, 2, box_batch_size_per_image=64, min_size=SIZE, max_size=SIZE).train()


if WORK == "field":
    model = maskrcnn_resnet50_fpn(weights=None, weights_backbone=None, num_classes=2).eval()

    def find(sizes):
        for width, height in sizes:
            # As they are: torchvision brings images to one size.
            model.transform.min_size, model.transform.max_size = (min(width, height),), max(width, height)
            with torch.no_grad():
                model([torch.rand(3, height, width)])

    def warm():
        find(SIZES[:1])

    def step():
        find(SIZES)
else:
    model = trained()
    optimiser = torch.optim.AdamW(model.parameters(), 1e-4)
    box = torch.tensor([[40.0, 40.0, 70.0, 70.0]])
    mask = torch.zeros(1, SIZE, SIZE, dtype=torch.uint8)
    mask[:, 40:70, 40:70] = 1

    def step():
        optimiser.zero_grad()
        targets = [{"boxes": box, "labels": torch.ones(1, dtype=torch.int64), "masks": mask} for _ in range(4)]
        sum(model([torch.rand(3, SIZE, SIZE) for _ in range(4)], targets).values()).backward()
        optimiser.step()

    warm = step


warm()
best = [float("inf")] * 2
for _ in range(ROUNDS):
    wall, cpu = time.perf_counter(), time.process_time()
    step()
    best = [min(best[0], 1e3 * (time.perf_counter() - wall)), min(best[1], 1e3 * (time.process_time() - cpu))]
print(json.dumps({"wallMs": best[0], "cpuMs": best[1], "peakMb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
