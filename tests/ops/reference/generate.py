#!/usr/bin/python3
"""Writes the reference values of the op table: reference/<Op>.json.

    bazel build //tests/ops:op_table_test
    tests/ops/reference/generate.py bazel-bin/tests/ops/op_table_test [OP ...]

Asks the test binary for its samples, evaluates each sample's PyTorch expression in f64, and stores
inputs, output and gradients. Without ops named, all are written. Needs PyTorch (Debian:
python3-torch); the tests themselves need only the files.
"""

import json
import math
import os
import pathlib
import string
import subprocess
import sys
import tempfile

import torch
import torch.nn.functional as F

DTYPES = {
    "f64": torch.float64,
    "f32": torch.float32,
    "i32": torch.int32,
    "i64": torch.int64,
    "u8": torch.uint8,
    "bool": torch.bool,
}


def read_samples(binary):
    """The samples of every op, as the test binary has them."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "samples.json")
        environment = dict(os.environ, CONVOY_OP_SAMPLES=path)
        subprocess.run([binary, "[samples]"], env=environment, check=True, stdout=subprocess.DEVNULL)
        with open(path) as file:
            return json.load(file)


def to_tensor(spec):
    values = torch.tensor([float(value) for value in spec["values"]], dtype=torch.float64)
    return values.to(DTYPES[spec["dtype"]]).reshape(spec["shape"])


def to_json(tensor):
    values = tensor.detach().to(torch.float64).flatten().tolist()
    return {
        "shape": list(tensor.shape),
        "values": [value if math.isfinite(value) else str(value) for value in values],
    }


def cotangent(output):
    """The gradient that backward starts from: as Cotangent in evaluate.cc."""
    i = torch.arange(output.numel(), dtype=torch.int64)
    return (((37 * i + 11) % 61).to(torch.float64) / 32 - 0.9375).reshape(output.shape)


def evaluate(sample):
    inputs = [to_tensor(spec) for spec in sample["inputs"]]
    wants = [spec["grad"] for spec in sample["inputs"]]
    for tensor, want in zip(inputs, wants):
        tensor.requires_grad_(want)
    names = dict(zip(string.ascii_lowercase, inputs))
    output = eval(sample["torch"], {"torch": torch, "F": F, "math": math}, names)
    grads = [None] * len(inputs)
    if any(wants):
        wanted = [tensor for tensor, want in zip(inputs, wants) if want]
        found = iter(torch.autograd.grad(output, wanted, cotangent(output).to(output.dtype)))
        grads = [to_json(next(found)) if want else None for want in wants]
    return {**sample, "output": to_json(output), "grads": grads}


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    folder = pathlib.Path(__file__).parent
    table = read_samples(sys.argv[1])
    for op in sys.argv[2:] or table:
        lines = []
        for name, sample in table[op].items():
            try:
                reference = evaluate(sample)
            except Exception as error:
                sys.exit(f"{op}/{name}: {sample['torch']}: {error}")
            lines.append(f"{json.dumps(name)}:{json.dumps(reference, separators=(',', ':'))}")
        (folder / f"{op}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
