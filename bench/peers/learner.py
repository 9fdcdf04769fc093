"""The loop's learner in PyTorch: a perceptron of 2048 whose hidden layer moves to regularised least squares in closed form."""
import torch
from torch import nn


def level(z):
    """Standardised features [n, dim] near one length."""
    return z / (z.square().mean(1, keepdim=True) + 0.25).sqrt()


def learned(x, y):
    """What says the logit (but for its unit) of levelled features, learned from x [n, dim] and y of 1 and -1 [n, 1]."""
    dim = x.shape[1]
    hidden, last = nn.Linear(dim, 2048), torch.cat([torch.ones(1024), -torch.ones(1024)]) / (3 * 2048) ** 0.5
    with torch.no_grad():
        for part in hidden.parameters():
            part[1024:] = part[:1024]
        lit = (hidden(x) > 0).float() * last
        kernel = (x @ x.T + 1) * (lit @ lit.T) * 6 / dim + 0.3
        pulls = torch.linalg.solve(kernel + kernel.diagonal().mean() * torch.eye(len(x)), 0.01 * y)
        hidden.weight += 6 / dim * (lit * pulls).T @ x
        hidden.bias += 6 / dim * (lit * pulls).sum(0)
        offset = 0.3 * pulls.sum()
    return lambda rows: hidden(rows).relu() @ last + offset
