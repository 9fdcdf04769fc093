"""The peer of the ranking of eight-bit features: the same file, learned from and ranked in PyTorch, block by block.

Run: /usr/bin/python3 rank_int8.py FILE OBJECTS DIM EXAMPLES; prints the seconds from the labels to the sorted ranking,
the processor time of them, and the most memory that the process held, in bytes. All columns have the scale 1/32 and no offset.
"""
import resource
import sys
import time

import numpy
import torch
from learner import learned, level

path, (objects, dim, examples) = sys.argv[1], map(int, sys.argv[2:])
stored = numpy.memmap(path, dtype=numpy.int8, mode="r", shape=(objects, dim))
start, used = time.time(), time.process_time()
sample = torch.from_numpy(stored[:: max(1, objects // 20000)].astype(numpy.float32)) / 32
mean, sd = sample.mean(0), sample.std(0)


def rows(begin, end):
    return level((torch.from_numpy(stored[begin:end].astype(numpy.float32)) / 32 - mean) / sd)


say = learned(rows(0, examples), 1 - 2 * (torch.arange(examples) % 2).float()[:, None])
scores = torch.empty(objects)
with torch.no_grad():
    for begin in range(0, objects, 4096):
        end = min(objects, begin + 4096)
        scores[begin:end] = say(rows(begin, end)).sigmoid()
scores.argsort(descending=True)
print(time.time() - start, time.process_time() - used, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
