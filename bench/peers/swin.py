"""The peer of our benchmarks: the encoder of a Swin U-Net written as PyTorch users write it, timed on any PyTorch from 1.13 on.

Run: python3 swin.py encode|train MODEL BATCH SIZE SECONDS [float32|bfloat16] [stock|tuned|compiled]; prints JSON: images a
second, images a second of processor time, peak memory in MB. bfloat16 is autocast's; from 2.0 on attention is
scaled_dot_product_attention. Training is masked image modelling with a light head (SimMIM): forward, backward, Adam.
"""
import contextlib
import json
import os
import resource
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

MODELS = {
    "lvm-tiny": (48, (2, 2, 6, 2), (3, 6, 12, 24), None),
    "lvm-base": (96, (8, 8, 8, 8), (8, 8, 8, 8), 8),
    "lvm-nano": (32, (2, 2, 2, 2), (2, 4, 8, 16), None),
}
WINDOW, DROP_PATH = 8, 0.1
DEVICE = os.environ.get("SKYLOOP_DEVICE", "cpu")
EMBED, DEPTHS, HEADS, SCALE = MODELS[sys.argv[2]]


def windows(x, w):
    b, h, wd, c = x.shape
    return x.view(b, h // w, w, wd // w, w, c).permute(0, 1, 3, 2, 4, 5).reshape(-1, w * w, c)


def unwindows(x, w, h, wd):
    c = x.shape[-1]
    return x.view(-1, h // w, wd // w, w, w, c).permute(0, 1, 3, 2, 4, 5).reshape(-1, h, wd, c)


class Attention(nn.Module):
    def __init__(self, dim, w, heads):
        super().__init__()
        self.heads, self.scale = heads, SCALE or (dim // heads) ** -0.5
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.table = nn.Parameter(torch.randn((2 * w - 1) ** 2, heads) * 0.02)
        grid = torch.stack(torch.meshgrid(torch.arange(w), torch.arange(w), indexing="ij")).flatten(1)
        offset = (grid[:, :, None] - grid[:, None, :]).permute(1, 2, 0) + w - 1
        self.register_buffer("index", offset[..., 0] * (2 * w - 1) + offset[..., 1])

    def forward(self, x, mask):
        b, n, c = x.shape
        q, k, v = self.qkv(x).reshape(b, n, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        if hasattr(F, "scaled_dot_product_attention"):
            bias = self.table[self.index.view(-1)].view(n, n, -1).permute(2, 0, 1)[None]
            if mask is not None:
                bias = (bias + mask[:, None]).repeat(b // len(mask), 1, 1, 1)
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(q.dtype), scale=self.scale)
            return self.proj(y.transpose(1, 2).reshape(b, n, c))
        a = (q * self.scale) @ k.transpose(-2, -1) + self.table[self.index.view(-1)].view(n, n, -1).permute(2, 0, 1)
        if mask is not None:
            a = (a.view(b // len(mask), len(mask), self.heads, n, n) + mask[:, None]).view(-1, self.heads, n, n)
        return self.proj((a.softmax(-1) @ v).transpose(1, 2).reshape(b, n, c))


class Block(nn.Module):
    def __init__(self, dim, heads, size, w, shift, drop):
        super().__init__()
        self.size, self.w, self.shift = size, w, shift
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attn = Attention(dim, w, heads)
        self.fc1, self.fc2 = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)
        mask = None
        if shift:
            image = torch.zeros(1, size, size, 1)
            parts = (slice(0, -w), slice(-w, -shift), slice(-shift, None))
            for i, a in enumerate(parts):
                for j, b in enumerate(parts):
                    image[:, a, b] = 3 * i + j
            flat = windows(image, w).squeeze(-1)
            mask = (flat[:, None] != flat[:, :, None]).float() * -100
        self.register_buffer("mask", mask)
        # A tensor: a number would be compiled into the kernels, anew for each block.
        self.register_buffer("keep", torch.tensor(1 - drop))
        self.drops = drop > 0

    def branch(self, x):
        if not self.training or not self.drops:
            return x
        return x * ((torch.rand(len(x), 1, 1, device=x.device) < self.keep) / self.keep)

    def forward(self, x):
        b, n, c = x.shape
        y = self.norm1(x).view(b, self.size, self.size, c)
        if self.shift:
            y = torch.roll(y, (-self.shift, -self.shift), (1, 2))
        y = unwindows(self.attn(windows(y, self.w), self.mask), self.w, self.size, self.size)
        if self.shift:
            y = torch.roll(y, (self.shift, self.shift), (1, 2))
        x = x + self.branch(y.view(b, n, c))
        return x + self.branch(self.fc2(F.gelu(self.fc1(self.norm2(x)))))


class Merge(nn.Module):
    def __init__(self, dim, size):
        super().__init__()
        self.size, self.norm, self.reduction = size, nn.LayerNorm(4 * dim), nn.Linear(4 * dim, 2 * dim, bias=False)

    def forward(self, x):
        b, _, c = x.shape
        x = x.view(b, self.size, self.size, c)
        x = torch.cat([x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]], -1)
        return self.reduction(self.norm(x.view(b, -1, 4 * c)))


class Encoder(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.first = nn.Conv2d(3, EMBED, 3, padding=1)
        self.patch, self.norm0 = nn.Conv2d(EMBED, EMBED, 4, 4), nn.LayerNorm(EMBED)
        layers = []
        for i, depth in enumerate(DEPTHS):
            grid, dim = size // 4 // 2**i, EMBED * 2**i
            w = min(WINDOW, grid)
            for j in range(depth):
                drop = DROP_PATH * (sum(DEPTHS[:i]) + j) / (sum(DEPTHS) - 1)
                layers.append(Block(dim, HEADS[i], grid, w, w // 2 if j % 2 and grid > WINDOW else 0, drop))
            if i < 3:
                layers.append(Merge(dim, grid))
        self.layers, self.norm = nn.Sequential(*layers), nn.LayerNorm(EMBED * 8)

    def forward(self, x):
        x = self.norm0(self.patch(self.first(x)).flatten(2).transpose(1, 2))
        return self.norm(self.layers(x))


class Masked(nn.Module):
    """Hidden pixels are filled with a learned colour and drawn from each token."""

    def __init__(self, size):
        super().__init__()
        self.encoder = Encoder(size)
        self.filler = nn.Parameter(torch.full((1, 3, 1, 1), 0.2))
        self.predict = nn.Linear(EMBED * 8, 3 * 32 * 32)

    def forward(self, x, mask):
        b, _, s, _ = x.shape
        tokens = self.predict(self.encoder(x * (1 - mask) + self.filler * mask))
        drawn = tokens.view(b, s // 32, s // 32, 3, 32, 32).permute(0, 3, 1, 4, 2, 5).reshape(b, 3, s, s)
        return ((drawn - x).abs() * mask).sum() / (mask.sum() * 3)


def main():
    what, batch, size, seconds = sys.argv[1], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])
    precision, way = (sys.argv[6:] + ["float32", "stock"])[:2]
    torch.manual_seed(1)
    model, images = Masked(size).to(DEVICE), torch.rand(batch, 3, size, size).to(DEVICE)
    mask = (torch.rand(batch, 1, size // 16, size // 16) < 0.6).float().repeat_interleave(16, 2).repeat_interleave(16, 3).to(DEVICE)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-4)

    encoder, whole = model.encoder, model
    if way == "compiled":
        encoder, whole = torch.compile(model.encoder), torch.compile(model)

    def products():
        if precision == "bfloat16":
            return torch.autocast(DEVICE.split(":")[0], dtype=torch.bfloat16)
        return contextlib.nullcontext()

    def step():
        if what == "encode":
            with torch.no_grad(), products():
                return encoder(images).mean(1).float().cpu()
        optimiser.zero_grad()
        with products():
            loss = whole(images, mask)
        loss.backward()
        optimiser.step()
        return loss.item()

    model.train(what == "train")
    step()
    step()
    start, cpu, done = time.time(), time.process_time(), 0
    while time.time() - start < seconds:
        step()
        done += batch
    print(json.dumps({
        "imagesPerSecond": done / (time.time() - start),
        "imagesPerCpuSecond": done / (time.process_time() - cpu),
        "peakMb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }))


main()
