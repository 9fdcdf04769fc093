"""The peer of the ranking of eight-bit features: the same file, learned from and ranked in PyTorch, block by block.

Run: /usr/bin/python3 rank_int8.py FILE OBJECTS DIM EXAMPLES; prints the seconds from the labels to the sorted ranking,
the processor time of them, and the most memory that the process held, in bytes. All columns have the scale 1/32 and no offset.
"""
import resource
import sys
import time

import numpy
import torch
from torch import nn

path, (objects, dim, examples) = sys.argv[1], map(int, sys.argv[2:])
stored = numpy.memmap(path, dtype=numpy.int8, mode="r", shape=(objects, dim))
start, used = time.time(), time.process_time()
sample = torch.from_numpy(stored[:: max(1, objects // 20000)].astype(numpy.float32)) / 32
mean, sd = sample.mean(0), sample.std(0)


def rows(begin, end):
    return (torch.from_numpy(stored[begin:end].astype(numpy.float32)) / 32 - mean) / sd


x, y = rows(0, examples), (torch.arange(examples) % 2).float()[:, None]
mlp = nn.Sequential(nn.Linear(dim, 2048), nn.ReLU(), nn.Linear(2048, 1))
optimiser = torch.optim.AdamW(mlp.parameters(), lr=1e-3)
for _ in range(60):
    optimiser.zero_grad()
    nn.functional.binary_cross_entropy_with_logits(mlp(x), y).backward()
    optimiser.step()
scores = torch.empty(objects)
with torch.no_grad():
    for begin in range(0, objects, 4096):
        end = min(objects, begin + 4096)
        scores[begin:end] = mlp(rows(begin, end))[:, 0].sigmoid()
scores.argsort(descending=True)
print(time.time() - start, time.process_time() - used, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
