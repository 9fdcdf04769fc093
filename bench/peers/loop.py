"""The peer of the loop's benchmark: an MLP of 2048 learned on a few examples and applied to all objects, in PyTorch.

Run: /usr/bin/python3 loop.py OBJECTS DIM EXAMPLES; prints the seconds from the labels to the sorted
ranking, the processor time of them, and the most memory that the process held, in bytes.
"""
import resource
import sys
import time

import torch
from learner import learned, level

objects, dim, examples = map(int, sys.argv[1:])
features = torch.rand(objects, dim)
start, used = time.time(), time.process_time()
x = level((features - features.mean(0)) / features.std(0))
say = learned(x[:examples], 1 - 2 * (torch.arange(examples) % 2).float()[:, None])
with torch.no_grad():
    scores = torch.cat([say(part) for part in x.split(16384)]).sigmoid()
scores.argsort(descending=True)
print(time.time() - start, time.process_time() - used, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
