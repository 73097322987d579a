"""How a test is declared."""

load("//third_party/cuda:cuda.bzl", "cuda_select")

# A test's own source is usually compiled once for each run, so the time to compile it matters more than
# its speed. The last -O flag wins: -Og replaces the -O3 of .bazelrc and the -O1 of the sanitizers. The
# libraries under test keep theirs.
_QUICK_TO_COMPILE = ["-Og"]

def convoy_test(name, srcs, deps = [], size = "small", copts = [], **kwargs):
    """A cc_test whose main() is Catch2's.

    Args:
      name: the target: "FOLDER_test" for all files of a folder, or the source without ".cc".
      srcs: the test's sources.
      deps: the libraries under test.
      size: "small" runs within a minute, "medium" within five. Sanitizers multiply that.
      copts: more flags for the compiler.
      **kwargs: passed on to cc_test: tags, data, args ... The tag "slow" keeps a test out of CI's
        sanitizer runs. (Not shard_count: Catch2 2 would run every case in every shard.)
    """
    native.cc_test(
        name = name,
        size = size,
        srcs = srcs,
        copts = _QUICK_TO_COMPILE + copts,
        deps = deps + ["//third_party/catch2:main"],
        **kwargs
    )

def cuda_test(name, srcs, deps = [], size = "medium", devices = 8, tags = [], copts = [], **kwargs):
    """A test of the CUDA backend: on the simulated device with --config=sim, else on a real GPU.

    Cases that need a GPU start with CONVOY_NEED_GPUS(n) (tests/gpu.h), which skips them where
    there are fewer. Empty in a build without the CUDA backend.

    Args:
      name: the target.
      srcs: the test's sources.
      deps: the libraries under test.
      size: as for convoy_test.
      devices: how many simulated GPUs there are.
      tags: more tags.
      copts: more flags for the compiler.
      **kwargs: passed on to cc_test.
    """
    native.cc_test(
        name = name,
        size = size,
        srcs = cuda_select(srcs, otherwise = ["//tests:no_cuda.cc"]),
        copts = _QUICK_TO_COMPILE + copts,
        deps = deps + ["//:cuda", "//tests:gpu", "//third_party/catch2:main"],
        env = {"CONVOY_SIM_DEVICES": str(devices)},
        tags = tags + ["gpu"],
        **kwargs
    )
