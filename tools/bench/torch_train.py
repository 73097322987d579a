#!/usr/bin/env python3
"""The training step of tools/bench/train_step in PyTorch, for comparison.

The models, batches and optimizers are those of workload.cc: batches are drawn once and stay in
memory, so that only the step is timed. Several processes are DistributedDataParallel over Gloo, or
NCCL on GPUs. Prints one line:

  mlp procs=1 batch=128 18741.0 samples/s 6.83 ms/step loss=2.3021
"""

import argparse
import math
import os
import re
import socket
import time

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import torch.nn.functional as F
from torch import nn


class Block(nn.Module):
    """A layer of GPT-2."""

    def __init__(self, channels, heads, gelu):
        super().__init__()
        self.heads, self.gelu = heads, gelu
        self.ln_1, self.ln_2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.attention_in = nn.Linear(channels, 3 * channels)
        self.attention_out = nn.Linear(channels, channels)
        self.mlp_in = nn.Linear(channels, 4 * channels)
        self.mlp_out = nn.Linear(4 * channels, channels)

    def attend(self, x):
        batch, context, channels = x.shape
        qkv = self.attention_in(x).view(batch, context, 3, self.heads, channels // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        if hasattr(F, "scaled_dot_product_attention"):
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:  # PyTorch 1
            scores = q @ k.transpose(-2, -1) / math.sqrt(channels // self.heads)
            seen = torch.ones(context, context, dtype=torch.bool, device=x.device).tril()
            y = scores.masked_fill(~seen, float("-inf")).softmax(-1) @ v
        return self.attention_out(y.transpose(1, 2).reshape(batch, context, channels))

    def forward(self, x):
        x = x + self.attend(self.ln_1(x))
        return x + self.mlp_out(F.gelu(self.mlp_in(self.ln_2(x)), approximate=self.gelu))


class Gpt(nn.Module):
    """GPT-2 without dropout; the output layer is the token embedding."""

    def __init__(self, vocabulary, context, layers, heads, channels, gelu):
        super().__init__()
        self.tokens, self.places = nn.Embedding(vocabulary, channels), nn.Embedding(context, channels)
        self.blocks = nn.ModuleList(Block(channels, heads, gelu) for _ in range(layers))
        self.ln = nn.LayerNorm(channels)
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                nn.init.normal_(module.weight, 0, 0.02)

    def forward(self, x):
        h = self.tokens(x) + self.places(torch.arange(x.shape[1], device=x.device))
        for block in self.blocks:
            h = block(h)
        return F.linear(self.ln(h), self.tokens.weight).flatten(0, 1)


def make_mlp():
    return nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(),
                         nn.Linear(512, 10))


class Workload:
    """A model, its batch in memory, and its optimizer."""

    def __init__(self, name, batch, device):
        if name == "mlp":
            self.model = make_mlp().to(device)
            self.batch, self.items = batch or 128, 1
            self.inputs = torch.rand(self.batch, 784, device=device)
            classes = 10
        else:
            context, classes, gelu = (64, 65, "none") if name == "gpt_cpu" else (1024, 50257, "tanh")
            size = (4, 4, 128) if name == "gpt_cpu" else (12, 12, 768)
            padded = classes if name == "gpt_cpu" else 50304
            self.model = Gpt(padded, context, *size, gelu).to(device)
            self.batch, self.items = batch or (12 if name == "gpt_cpu" else 32), context
            self.inputs = torch.randint(classes, (self.batch, context), device=device)
        self.targets = torch.randint(classes, (self.batch * self.items,), device=device)
        if name == "mlp":
            self.optimizer = torch.optim.SGD(self.model.parameters(), 0.01, momentum=0.9)
        else:
            fused = {"fused": True} if device.type == "cuda" else {}
            self.optimizer = torch.optim.AdamW(self.model.parameters(), 3e-4, weight_decay=0.01,
                                               **fused)


def train(rank, args, port):
    torch.set_num_threads(args.threads)
    torch.manual_seed(1 + rank)
    device = torch.device(args.device, rank) if args.device == "cuda" else torch.device("cpu")
    if args.device == "cuda":
        torch.cuda.set_device(device)
        torch.backends.cuda.matmul.allow_tf32 = True
    if args.procs > 1:
        dist.init_process_group("nccl" if args.device == "cuda" else "gloo", rank=rank,
                                world_size=args.procs, init_method=f"tcp://127.0.0.1:{port}")
    work = Workload(args.workload, args.batch, device)
    model = work.model
    if args.procs > 1:
        model = nn.parallel.DistributedDataParallel(model, gradient_as_bucket_view=True)
    if args.compile:
        model = torch.compile(model)

    def step():
        with torch.autocast(args.device, torch.bfloat16, enabled=args.dtype == "bf16"):
            loss = F.cross_entropy(model(work.inputs).float(), work.targets)
        loss.backward()
        work.optimizer.step()
        work.optimizer.zero_grad(set_to_none=True)
        return loss

    def wait():
        if args.device == "cuda":
            torch.cuda.synchronize()
        if args.procs > 1:
            dist.barrier()

    for _ in range(args.warmup):
        step()
    wait()
    begin = time.perf_counter()
    for _ in range(args.steps):
        loss = step()
    wait()
    seconds = (time.perf_counter() - begin) / args.steps
    if rank == 0:
        rate = work.batch * work.items * args.procs / seconds
        print(f"{args.workload} procs={args.procs} batch={work.batch} {rate:.1f} "
              f"{'samples' if work.items == 1 else 'tokens'}/s {seconds * 1e3:.2f} ms/step "
              f"loss={loss.item():.4f}", flush=True)
    if args.procs > 1:
        dist.destroy_process_group()


def describe():
    """Version, the BLAS that products run in, and the instruction set of the other kernels."""
    config = torch.__config__.show()
    torch.rand(64, 64) @ torch.rand(64, 64)
    with open("/proc/self/maps", encoding="utf-8") as maps:
        loaded = maps.read()
    if torch.backends.mkl.is_available():
        version = re.search(r"Math Kernel Library Version ([\d.]+)", config)
        blas = "MKL " + (version.group(1) if version else "of unknown version")
        with open("/proc/cpuinfo", encoding="utf-8") as cpus:
            if "AuthenticAMD" in cpus.read():
                blas += ", which takes its AVX2 kernels on AMD"
    else:
        blas = "OpenBLAS" if "openblas" in loaded else "a BLAS that is neither MKL nor OpenBLAS"
    parts = [blas]
    if torch.backends.mkldnn.is_available():
        version = re.search(r"MKL-DNN v([\d.]+)", config)
        parts.append("oneDNN" + (" " + version.group(1) if version else ""))
    kernels = re.search(r"CPU capability usage: (\S+)", config)
    if kernels:
        parts.append("own kernels " + kernels.group(1))
    return f"PyTorch {torch.__version__} ({', '.join(parts)})"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def main():
    parser = argparse.ArgumentParser(description="Times a training step in PyTorch.")
    parser.add_argument("workload", nargs="?", choices=["mlp", "gpt_cpu", "gpt2"])
    parser.add_argument("--describe", action="store_true", help="say which PyTorch this is")
    parser.add_argument("--procs", type=int, default=1, help="processes [1]")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of each [1]")
    parser.add_argument("--steps", type=int, default=20, help="steps timed [20]")
    parser.add_argument("--warmup", type=int, default=3, help="steps before [3]")
    parser.add_argument("--batch", type=int, default=0, help="samples of each process")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--dtype", default="f32", choices=["f32", "bf16"])
    parser.add_argument("--compile", action="store_true", help="torch.compile the model")
    args = parser.parse_args()
    if args.describe:
        print(describe())
        return
    if args.workload is None:
        parser.error("give a workload, or --describe")
    if args.procs == 1:
        train(0, args, 0)
    else:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
        mp.spawn(train, (args, free_port()), nprocs=args.procs)


if __name__ == "__main__":
    main()
