"""The peer of `skyloop bench similar`: cosines of all rows to one direction by a product, and the best 20 of them.

Run: similar.py OBJECTS DIM QUESTIONS; prints the seconds of each question as JSON.
"""
import json
import sys
import time

import numpy as np

objects, dim, questions = map(int, sys.argv[1:])
matrix = np.random.default_rng(1).random((objects, dim), dtype=np.float32)
norms = np.ones(objects, np.float32)
seconds = []
for question in range(questions):
    start = time.time()
    cosines = matrix @ matrix[question] / norms
    best = np.argpartition(-cosines, 20)[:20]
    best = best[np.argsort(-cosines[best])]
    seconds.append(time.time() - start)
print(json.dumps(seconds))
