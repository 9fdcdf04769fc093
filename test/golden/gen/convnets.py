"""Outputs of Debian's python3-torchvision for weights and images given by a formula: writes ../convnets.json."""

import json
import pathlib

import numpy as np
import torch
import torchvision

CLASSES = 5


def noise(count, salt):
    """Numbers in [-1, 1] that look random and repeat after 2^20; the same formula stands in src/models/classifiers.test.ts."""
    i = np.arange(count, dtype=np.int64) % 2**20
    return (((i % 10007 + 1) * (i % 997 + 13 * salt + 1)) % 2003 / 1001 - 1).astype(np.float32)


def fill(model):
    for salt, (name, value) in enumerate(sorted(model.state_dict().items())):
        if name.endswith("num_batches_tracked"):
            continue
        numbers = torch.from_numpy(noise(value.numel(), salt)).reshape(value.shape)
        if value.dim() > 1:
            numbers = numbers * (6 / value[0].numel()) ** 0.5
        elif name.endswith("running_var") or (value.dim() == 1 and ("bn" in name or "downsample.1" in name) and name.endswith("weight")):
            numbers = 1 + 0.2 * numbers
        else:
            numbers = 0.1 * numbers
        value.copy_(numbers)


cases = []
for name in ["alexnet", "vgg16", "resnet18", "resnet50"]:
    model = getattr(torchvision.models, name)(num_classes=CLASSES).eval()
    with torch.no_grad():
        fill(model)
        size = 96 if name == "alexnet" else 64
        images = torch.from_numpy(0.5 + 0.5 * noise(2 * 3 * size * size, 999)).reshape(2, 3, size, size)
        output = model(images)
    cases.append({"model": name, "size": size, "names": len(model.state_dict()), "parameters": sum(p.numel() for p in model.parameters()), "output": output.flatten().tolist()})
path = pathlib.Path(__file__).parent.parent / "convnets.json"
path.write_text(json.dumps({"torchvision": torchvision.__version__, "classes": CLASSES, "cases": cases}, indent=1) + "\n")
