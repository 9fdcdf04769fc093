"""Makes ../coco-ap.json: COCO's figures of 50 random sets of boxes and masks, by an implementation of its own.

The sets come from a linear congruential generator, so that only the figures are stored. Where pycocotools is installed (it
is not in Debian; 2.0.11 was used) every figure is compared with its COCOeval and the largest difference printed.
Run: python coco_ap.py
"""
import json
import pathlib

import numpy as np

WIDTH, HEIGHT, SETS = 96, 80, 50
AREAS = [(0, 1e10), (0, 32**2), (32**2, 96**2), (96**2, 1e10)]
THRESHOLDS = [(50 + 5 * i) / 100 for i in range(10)]


class Stream:
    def __init__(self, seed):
        self.state = seed

    def whole(self, n):
        self.state = (self.state * 1664525 + 1013904223) % 2**32
        return int(self.state / 2**32 * n)


def draw_box(stream):
    x, y = stream.whole(80), stream.whole(64)
    return [x, y, min(WIDTH, x + 1 + stream.whole(50)), min(HEIGHT, y + 1 + stream.whole(50))]


def draw_set(seed):
    stream = Stream(seed)
    images = []
    for _ in range(2 + stream.whole(4)):
        truths = [{"box": draw_box(stream), "ignore": stream.whole(7) == 0, "k": stream.whole(5)} for _ in range(stream.whole(7))]
        found = []
        for _ in range(stream.whole(12)):
            if truths and stream.whole(3) > 0:
                x1, y1, x2, y2 = truths[stream.whole(len(truths))]["box"]
                x1, y1 = max(0, x1 + stream.whole(5) - 2), max(0, y1 + stream.whole(5) - 2)
                box = [x1, y1, min(WIDTH, max(x1 + 1, x2 + stream.whole(5) - 2)), min(HEIGHT, max(y1 + 1, y2 + stream.whole(5) - 2))]
            else:
                box = draw_box(stream)
            found.append({"box": box, "score": stream.whole(20) / 20, "k": stream.whole(5)})
        images.append((truths, found))
    return images


def mask_of(one):
    x1, y1, x2, y2 = one["box"]
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    y, x = np.mgrid[y1:y2, x1:x2]
    mask[y1:y2, x1:x2] = (x * 7 + y * 13 + one["k"]) % 5 != 0
    return mask


def overlap(found, truth, kind):
    if kind == "mask":
        a, b = mask_of(found), mask_of(truth)
        shared, own, other = int((a & b).sum()), int(a.sum()), int(b.sum())
    else:
        (ax1, ay1, ax2, ay2), (bx1, by1, bx2, by2) = found["box"], truth["box"]
        shared = max(0, min(ax2, bx2) - max(ax1, bx1)) * max(0, min(ay2, by2) - max(ay1, by1))
        own, other = (ax2 - ax1) * (ay2 - ay1), (bx2 - bx1) * (by2 - by1)
    return shared / (own if truth["ignore"] else own + other - shared) if shared else 0.0


def area(one, kind, truth):
    x1, y1, x2, y2 = one["box"]
    return int(mask_of(one).sum()) if kind == "mask" or truth else (x2 - x1) * (y2 - y1)


def average(images, kind, threshold, bounds):
    """Average precision and recall, by walking every detection of the set in the order of scores."""
    entries, wanted = [], 0
    for truths, found in images:
        out = [t["ignore"] or not bounds[0] <= area(t, kind, True) <= bounds[1] for t in truths]
        wanted += out.count(False)
        free = set(range(len(truths)))
        for one in sorted(found, key=lambda d: -d["score"])[:100]:
            options = [(i, overlap(one, truths[i], kind)) for i in range(len(truths)) if i in free or truths[i]["ignore"]]
            options = [(i, o) for i, o in options if o >= min(threshold, 1 - 1e-10)]
            counted = [pair for pair in options if not out[pair[0]]] or options
            if counted:
                best = max(o for _, o in counted)
                i = [i for i, o in counted if o == best][-1]
                free.discard(i)
                entries.append((one["score"], None if out[i] else True))
            else:
                outside = not bounds[0] <= area(one, kind, False) <= bounds[1]
                entries.append((one["score"], None if outside else False))
    if wanted == 0:
        return None
    hits = np.array([hit for _, hit in sorted(entries, key=lambda e: -e[0]) if hit is not None], bool)
    found = np.cumsum(hits)
    recall, precision = found / wanted, found / np.arange(1, len(hits) + 1)
    points = [max(precision[recall >= np.linspace(0, 1, 101)[r]], default=0.0) for r in range(101)]
    return float(np.mean(points)), float(recall[-1]) if len(hits) else 0.0


def figures(images, kind):
    grid = [[average(images, kind, t, bounds) for t in THRESHOLDS] for bounds in AREAS]
    mean = lambda values: None if values[0] is None else float(np.mean(values))
    precisions = [[None if one is None else one[0] for one in row] for row in grid]
    return [mean(precisions[0]), precisions[0][0], precisions[0][5], *[mean(row) for row in precisions[1:]], mean([None if one is None else one[1] for one in grid[0]])]


def by_pycocotools(images, kind):
    import contextlib
    import io

    from pycocotools import mask as runs
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    encode = lambda one: {**runs.encode(np.asfortranarray(mask_of(one)))}
    def entry(one, image, number):
        x1, y1, x2, y2 = one["box"]
        return {"id": number, "image_id": image, "category_id": 1, "bbox": [x1, y1, x2 - x1, y2 - y1], "segmentation": encode(one), "area": int(mask_of(one).sum())}
    truths, found = [], []
    for image, (own, others) in enumerate(images, 1):
        truths += [{**entry(t, image, len(truths) + i + 1), "iscrowd": int(t["ignore"])} for i, t in enumerate(own)]
        found += [{**entry(d, image, 0), "score": d["score"]} for d in others]
    for one in found:
        if kind == "mask":
            del one["bbox"]
        else:
            del one["segmentation"]
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {"info": {}, "images": [{"id": i + 1, "width": WIDTH, "height": HEIGHT} for i in range(len(images))], "categories": [{"id": 1, "name": "a"}], "annotations": truths}
        coco.createIndex()
        if not found:
            return None
        judge = COCOeval(coco, coco.loadRes(found), "segm" if kind == "mask" else "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    stats = [None if value < 0 else float(value) for value in judge.stats]
    return [stats[0], stats[1], stats[2], stats[3], stats[4], stats[5], stats[8]]


results, worst = [], 0.0
for seed in range(1, SETS + 1):
    images = draw_set(seed)
    result = {kind: figures(images, kind) for kind in ("box", "mask")}
    results.append(result)
    try:
        for kind, own in result.items():
            theirs = by_pycocotools(images, kind)
            for a, b in zip(own, theirs or own):
                assert (a is None) == (b is None), (seed, kind, own, theirs)
                worst = max(worst, abs((a or 0) - (b or 0)))
    except ImportError:
        worst = float("nan")
print(f"{SETS} sets, largest difference from pycocotools {worst:.1e}")
pathlib.Path(__file__).parent.parent.joinpath("coco-ap.json").write_text(json.dumps(results) + "\n")
