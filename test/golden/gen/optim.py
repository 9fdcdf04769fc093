"""Makes ../optim.json with PyTorch: five steps of each optimiser on sum(p^2 * [1, 10] + p) from p = [1, -2]. Run: /usr/bin/python3 optim.py"""
import json
import pathlib

import torch

makers = {
    "Adam": lambda p: torch.optim.Adam([p], lr=0.1),
    "Adam with L2": lambda p: torch.optim.Adam([p], lr=0.1, weight_decay=0.1),
    "AdamW": lambda p: torch.optim.AdamW([p], lr=0.1, weight_decay=0.1),
}
result = {}
for name, make in makers.items():
    p = torch.nn.Parameter(torch.tensor([1.0, -2.0]))
    optimiser = make(p)
    for _ in range(5):
        optimiser.zero_grad()
        (p * p * torch.tensor([1.0, 10.0]) + p).sum().backward()
        optimiser.step()
    result[name] = p.tolist()
pathlib.Path(__file__).parent.parent.joinpath("optim.json").write_text(json.dumps(result, indent=1) + "\n")
