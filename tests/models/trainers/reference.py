#!/usr/bin/env python3
"""Computes the numbers of reference_test.cc with PyTorch 2 and transformers, in f64.

    python3 tests/models/trainers/reference.py

Nothing of Convoy runs here: the order of the samples comes from Philox4x32-10 as its paper has it,
GPT-2 from transformers, the optimizers and the clipping from PyTorch. Data and initial parameters
are made by the same formulas as in the test.
"""
import math

import torch
from transformers import GPT2Config, GPT2LMHeadModel

torch.set_default_dtype(torch.float64)


# --- Numbers that both sides make ---


def noise(seed, count):
    """A linear congruential generator's upper 24 bits, as numbers from -0.25 to 0.25."""
    state, values = seed, []
    for _ in range(count):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        values.append(((state >> 8) / 2**24 - 0.5) / 2)
    return values


def fill(parameters):
    """Initial values: (name, tensor) in the order in which the test writes them."""
    with torch.no_grad():
        for p, (name, tensor) in enumerate(parameters):
            values = torch.tensor(noise(p + 1, tensor.numel()))
            if "ln_" in name and name.endswith("weight"):
                values += 1
            tensor.copy_(values.reshape(tensor.shape))


def digits(count):
    """As WriteDigits in trainer_fixture.h: a bar whose place is the label, with noise."""
    state, images, labels = 1, [], []
    for i in range(count):
        label = i * 7 % 10
        labels.append(label)
        for p in range(64):
            state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
            images.append(((150 if p % 10 == label else 0) + (state >> 24) % 100) / 255)
    return torch.tensor(images).reshape(count, 64), torch.tensor(labels)


# --- The order of the samples ---


def philox(seed, stream, index):
    c = [index & 0xFFFFFFFF, index >> 32, stream & 0xFFFFFFFF, stream >> 32]
    k = [seed & 0xFFFFFFFF, seed >> 32]
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & 0xFFFFFFFF, (p0 >> 32) ^ c[3] ^ k[1], p0 & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def bounded(seed, stream):
    """A function that draws an unbiased number below a bound from the stream's 64-bit halves."""

    def halves():
        index = 0
        while True:
            b = philox(seed, stream, index)
            yield b[1] << 32 | b[0]
            yield b[3] << 32 | b[2]
            index += 1

    source = halves()

    def draw(bound):
        top = 2**64 - 1
        while True:
            value = next(source)
            if value < top - top % bound:
                return value % bound

    return draw


def permutation(seed, epoch, n):
    draw, order = bounded(seed, 2**61 + epoch), list(range(n))
    for i in range(n, 1, -1):
        j = draw(i)
        order[i - 1], order[j] = order[j], order[i - 1]
    return order


# --- Training ---


def rate(step, steps, warmup, high, low, shape):
    """Of step 0, 1, ...: a linear rise, then down to `low` in a straight line or half a cosine."""
    if step < warmup:
        return high * (step + 1) / (warmup + 1)
    t = (step - warmup) / (steps - warmup)
    return low + (high - low) * ((1 - t) if shape == "linear" else (1 + math.cos(math.pi * t)) / 2)


def train(name, parameters, optimizer, batches, loss_of, evaluate, clip, rates, every):
    print(f"// {name}: loss, lr, norm of the gradient; then what evaluation gives")
    for step, (batch, lr) in enumerate(zip(batches, rates), 1):
        for group in optimizer.param_groups:
            group["lr"] = lr
        loss = loss_of(batch)
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(parameters, clip)
        optimizer.step()
        last = step == len(rates)
        line = f"{{{loss.item():.7f}, {lr:.10g}, {norm.item():.7f}"
        with torch.no_grad():
            if last or step % every == 0:
                line += ", " + evaluate(last)
        print(line + "},")


def grouped(parameters, decay):
    """Biases and norms are not decayed."""
    return [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": decay},
        {"params": [p for p in parameters if p.dim() == 1], "weight_decay": 0},
    ]


def mnist(steps, clip):
    layers = [torch.nn.Linear(64, 20), torch.nn.Linear(20, 20), torch.nn.Linear(20, 10)]
    model = torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1], torch.nn.ReLU(), layers[2])
    fill([(f"{i}.{n}", p) for i, layer in enumerate(layers) for n, p in layer.named_parameters()])
    images, labels = digits(100)
    test_images, test_labels = digits(600)

    def loss_of(batch):
        return torch.nn.functional.cross_entropy(model(images[batch]), labels[batch])

    def evaluate(_):
        logits = model(test_images)
        loss = torch.nn.functional.cross_entropy(logits, test_labels)
        correct = (logits.argmax(1) == test_labels).sum().item()
        return f"{loss.item():.7f}, {correct} / 600.0"

    batches = []
    for epoch in range(2):
        order = permutation(5, epoch, 100)
        batches += [order[:48], order[48:96], order[96:]]  # the last one has four
    parameters = list(model.parameters())
    optimizer = torch.optim.SGD(grouped(parameters, 0.1), lr=1, momentum=0.9)
    rates = [rate(s, steps, 2, 0.5, 0.05, "linear") for s in range(steps)]
    print(f"// before: {evaluate(True)}")
    train("mnist", parameters, optimizer, batches, loss_of, evaluate, clip, rates, 2)


def gpt(steps, clip):
    vocabulary, block, size = 50, 8, 3000
    config = GPT2Config(vocab_size=vocabulary, n_positions=block, n_embd=16, n_layer=2, n_head=2,
                        resid_pdrop=0, embd_pdrop=0, attn_pdrop=0, bos_token_id=0, eos_token_id=0)
    model = GPT2LMHeadModel(config).double()
    named = [(n.removeprefix("transformer."), p) for n, p in model.named_parameters()]
    fill(sorted(named, key=lambda pair: pair[0]))
    tokens = [int((v + 0.25) * 2 * vocabulary) for v in noise(99, size)]
    data, validation = torch.tensor(tokens[:2700]), torch.tensor(tokens[2700:])

    def window(text, at):
        return text[at:at + block], text[at + 1:at + block + 1]

    def loss_over(text, places):
        pairs = [window(text, at) for at in places]
        x, y = torch.stack([p[0] for p in pairs]), torch.stack([p[1] for p in pairs])
        logits = model(x).logits
        return torch.nn.functional.cross_entropy(logits.reshape(-1, vocabulary), y.reshape(-1))

    windows = (len(validation) - 1) // block

    def evaluate(last):
        chosen = range(windows) if last else [i * windows // 5 for i in range(5)]
        return f"{loss_over(validation, [w * block for w in chosen]).item():.7f}"

    batches = []
    for step in range(steps):
        draw = bounded(5, 2**62 + step)
        batches.append([draw(2700 - block) for _ in range(6)])
    parameters = list(model.parameters())
    optimizer = torch.optim.AdamW(grouped(parameters, 0.5), lr=1, betas=(0.9, 0.95), eps=1e-8)
    rates = [rate(s, steps, 2, 0.02, 0.002, "cosine") for s in range(steps)]
    print(f"// before: {evaluate(True)}")
    train("gpt", parameters, optimizer, batches, lambda b: loss_over(data, b), evaluate, clip,
          rates, 2)


mnist(steps=5, clip=0.2)
gpt(steps=5, clip=0.75)
