"""The peer of the loop's benchmark: an MLP of 2048 learned on a few examples and applied to all objects, in PyTorch.

Run: /usr/bin/python3 loop.py OBJECTS DIM EXAMPLES; prints the seconds from the labels to the sorted
ranking, the processor time of them, and the most memory that the process held, in bytes.
"""
import resource
import sys
import time

import torch
from torch import nn

objects, dim, examples = map(int, sys.argv[1:])
features = torch.rand(objects, dim)
start, used = time.time(), time.process_time()
x = (features - features.mean(0)) / features.std(0)
y = (torch.arange(examples) % 2).float()[:, None]
mlp = nn.Sequential(nn.Linear(dim, 2048), nn.ReLU(), nn.Linear(2048, 1))
optimiser = torch.optim.AdamW(mlp.parameters(), lr=1e-3)
for _ in range(60):
    optimiser.zero_grad()
    nn.functional.binary_cross_entropy_with_logits(mlp(x[:examples]), y).backward()
    optimiser.step()
with torch.no_grad():
    scores = torch.cat([mlp(part) for part in x.split(16384)])[:, 0].sigmoid()
scores.argsort(descending=True)
print(time.time() - start, time.process_time() - used, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
