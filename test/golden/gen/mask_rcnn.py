"""Makes test/golden/mask-rcnn.json: Mask R-CNN by torchvision, weights and images from formulas.

Debian: apt-get install python3-torchvision (0.14.1), then /usr/bin/python3 test/golden/gen/mask_rcnn.py.
Only results are kept; of large tensors sums weighted by a formula beside the first values.
"""
import json
import math
from pathlib import Path

import numpy as np
import torch
from torchvision.models import resnet18
from torchvision.models.detection import MaskRCNN, maskrcnn_resnet50_fpn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import _resnet_fpn_extractor
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.roi_heads import paste_masks_in_image
from torchvision.ops import FeaturePyramidNetwork
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

torch.set_num_threads(1)


def numbers(count, seed):
    """Numbers in [-1, 1) that any language computes alike: fractions of k * golden ratio, in double precision."""
    k = np.arange(1, count + 1, dtype=np.float64)
    return ((k * 0.6180339887498949 + seed * 0.7548776662466927) % 1.0) * 2 - 1


def scattered(count, seed):
    """Numbers of variance 1 without order, from whole numbers of 32 bits that wrap around."""
    x = (np.arange(1, count + 1, dtype=np.uint32) + np.uint32(seed * 7919)) * np.uint32(0x9E3779B1)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x85EBCA77)
    x = x ^ (x >> np.uint32(13))
    return (x.astype(np.float64) / 2**31 - 1) * 3**0.5


def digest(values):
    """The first 24 values, and three sums that any difference changes."""
    flat = values.detach().double().flatten().numpy()
    return {"shape": list(values.shape), "first": [float(v) for v in flat[:24].astype(np.float32)],
            "sums": [float((flat * numbers(flat.size, seed)).sum()) for seed in (11, 12, 13)]}


def fill(model, gains):
    """Weights gain h / sqrt(fan in) with h of the k-th tensor by name between -1.7 and 1.7; normalisations near 1 and 0."""
    for k, (name, tensor) in enumerate(sorted(model.state_dict().items())):
        if name.endswith("num_batches_tracked"):
            continue
        wave = scattered(tensor.numel(), k)
        if name.endswith("running_var") or (name.endswith("weight") and tensor.dim() == 1):
            values = 1 + 0.1 * wave
        elif tensor.dim() == 1:
            values = 0.1 * wave
        else:
            fan_in = tensor.numel() / tensor.shape[0]
            gain = next((g for part, g in gains if part in name), 1.0)
            values = gain * wave / math.sqrt(fan_in)
        with torch.no_grad():
            tensor.copy_(torch.from_numpy(values.astype(np.float32)).reshape(tensor.shape))


def image(height, width, seed):
    """Blobs on a plane of small numbers."""
    y, x = np.mgrid[:height, :width].astype(np.float64)
    planes = []
    for c in range(3):
        plane = 0.1 + 0.05 * numbers(height * width, seed + c).reshape(height, width)
        for b in range(6):
            r = (numbers(4, 100 * seed + 10 * b + c) + 1) / 2
            size = 4 + 12 * r[2]
            plane = plane + 0.8 * r[3] * np.exp(-((x - r[0] * width) ** 2 + (y - r[1] * height) ** 2) / (2 * size**2))
        planes.append(plane)
    return torch.from_numpy(np.stack(planes).astype(np.float32))


def batch(images):
    height = 32 * math.ceil(max(i.shape[1] for i in images) / 32)
    width = 32 * math.ceil(max(i.shape[2] for i in images) / 32)
    pixels = torch.zeros(len(images), 3, height, width)
    for b, one in enumerate(images):
        pixels[b, :, : one.shape[1], : one.shape[2]] = one
    return ImageList(pixels, [(i.shape[1], i.shape[2]) for i in images])


def ellipse(height, width, x1, y1, x2, y2):
    y, x = np.mgrid[:height, :width] + 0.5
    return torch.from_numpy(((((x - (x1 + x2) / 2) * 2 / (x2 - x1)) ** 2 + ((y - (y1 + y2) / 2) * 2 / (y2 - y1)) ** 2) <= 1)
                            .astype(np.uint8))


OBJECTS = [[20, 30, 52, 60], [70, 64, 104, 110], [90, 12, 108, 34]]


def found(model, images, proposals, maps, paste):
    with torch.no_grad():
        results, _ = model.roi_heads(maps, proposals, images.image_sizes)
    out = []
    for result, size in zip(results, images.image_sizes):
        pasted = paste_masks_in_image(result["masks"], result["boxes"], size)[:, 0] >= 0.5 if paste else []
        out.append({"boxes": result["boxes"].flatten().tolist(), "scores": result["scores"].tolist(),
                    "labels": result["labels"].tolist(), "masks": digest(result["masks"]),
                    "areas": [int(mask.sum()) for mask in pasted],
                    "pasted": [[int(v) for v in np.flatnonzero(mask.numpy().ravel())] for mask in pasted[:3]]})
    return out


def small():
    """ResNet18, everything behind it 16 channels wide, two classes beside background; samples take all boxes."""
    backbone = _resnet_fpn_extractor(resnet18(), 5)
    backbone.fpn = FeaturePyramidNetwork([64, 128, 256, 512], 16, LastLevelMaxPool())
    backbone.out_channels = 16
    return MaskRCNN(
        backbone, None,
        rpn_anchor_generator=AnchorGenerator(((16,), (24,), (32,), (48,), (96,)), ((0.5, 1.0, 2.0),) * 5),
        box_head=TwoMLPHead(16 * 49, 32), box_predictor=FastRCNNPredictor(32, 3),
        mask_head=MaskRCNNHeads(16, (16, 16), 1), mask_predictor=MaskRCNNPredictor(16, 16, 3),
        rpn_pre_nms_top_n_train=300, rpn_pre_nms_top_n_test=300, rpn_post_nms_top_n_train=200,
        rpn_post_nms_top_n_test=200, rpn_batch_size_per_image=100000, box_batch_size_per_image=10000,
        box_positive_fraction=0.5, box_score_thresh=0.05, box_detections_per_img=30)


GAINS = [("bbox_pred", 0.3), ("cls_score", 0.7), ("mask_fcn_logits", 3.0), ("rpn.head", 1.4), ("conv", 1.0), ("fc", 1.4)]


def small_case():
    model = small()
    fill(model, GAINS)
    images = batch([image(128, 128, 1), image(96, 160, 2)])
    model.eval()
    out = {"gains": GAINS, "parameters": sum(p.numel() for p in model.parameters())}
    with torch.no_grad():
        maps = model.backbone(images.tensors)
        logits, codes = model.rpn.head(list(maps.values()))
        anchors = model.rpn.anchor_generator(images, list(maps.values()))
        proposals, _ = model.rpn(images, maps)
    out["maps"] = [digest(m) for m in maps.values()]
    out["logits"] = [digest(o.permute(0, 2, 3, 1).flatten(1)) for o in logits]
    out["codes"] = [digest(c.view(2, -1, 4, *c.shape[2:]).permute(0, 3, 4, 1, 2).flatten(1, 3)) for c in codes]
    out["anchors"] = digest(anchors[0])
    out["proposals"] = [[round(v, 4) for v in p.flatten().tolist()] for p in proposals]
    out["found"] = found(model, images, proposals, maps, True)

    model.train()
    targets = [{"boxes": torch.tensor(OBJECTS, dtype=torch.float32), "labels": torch.tensor([1, 2, 1]),
                "masks": torch.stack([ellipse(128, 128, *box) for box in OBJECTS])},
               {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64),
                "masks": torch.zeros(0, 96, 160, dtype=torch.uint8)}]
    maps = model.backbone(images.tensors)
    proposals, losses = model.rpn(images, maps, targets)
    _, more = model.roi_heads(maps, proposals, images.image_sizes, targets)
    losses.update(more)
    sum(losses.values()).backward()
    out["losses"] = {name: float(value) for name, value in losses.items()}
    out["gradients"] = {name: float(p.grad.double().norm()) for name, p in model.named_parameters()}
    return out


def large_case():
    """torchvision's own model: its 360 names, and what it finds in one image of 128 px."""
    model = maskrcnn_resnet50_fpn(weights=None, weights_backbone=None, num_classes=2)
    fill(model, GAINS)
    names = {name: list(tensor.shape) for name, tensor in model.state_dict().items()}
    model.eval()
    images = batch([image(128, 128, 3)])
    with torch.no_grad():
        maps = model.backbone(images.tensors)
        proposals, _ = model.rpn(images, maps)
    return {"names": names, "parameters": sum(p.numel() for p in model.parameters()),
            "proposals": digest(proposals[0]), "found": found(model, images, proposals, maps, True)[0]}


golden = {"objects": OBJECTS, "small": small_case(), "large": large_case()}
path = Path(__file__).resolve().parent.parent / "mask-rcnn.json"
path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
s = golden["small"]
print(path.stat().st_size, s["losses"], [len(p) // 4 for p in s["proposals"]])
for f in [*s["found"], golden["large"]["found"]]:
    print(len(f["scores"]), [round(v, 3) for v in f["scores"][:8]], f["labels"][:8], f["areas"][:8])
print({k: round(v, 6) for k, v in list(s["gradients"].items())[::9]})
