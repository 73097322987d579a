"""Rules for CUDA sources: for a real device through nvcc, for the simulated one as plain C++."""

load("@cuda_toolkit//:config.bzl", "CUDA_FOUND", "CUDA_LIBRARIES", "CUDNN_FRONTEND_FOUND", "NVCC")
load("//tools:text.bzl", "layer_text")

_SIM = "//third_party/cuda:sim"
_OFF = "//third_party/cuda:off"

# A100 and H100/H200, and PTX, which runs on every later device.
_ARCHITECTURES = [
    "arch=compute_80,code=sm_80",
    "arch=compute_90,code=[sm_90,compute_90]",
]

_FLAGS = [
    "-x",
    "cu",
    "-std=c++20",
    "-O3",
    "--expt-relaxed-constexpr",
    "--extended-lambda",
    "-DFMT_USE_CONSTEXPR=1",  # fmt 9 turns it off under nvcc, and then breaks
    "-Werror=all-warnings",
    "--compress-mode=size",  # a fifth of the size, and takes no longer
    # Host code as in .bazelrc; warnings come from the simulated build of the same sources.
    "-Xcompiler=-fPIC,-O3,-fno-math-errno,-ffp-contract=off,-w",
]

def _nvcc_objects_impl(ctx):
    context = cc_common.merge_cc_infos(
        cc_infos = [dep[CcInfo] for dep in ctx.attr.deps],
    ).compilation_context
    flags = []
    for architecture in _ARCHITECTURES:
        flags += ["-gencode", architecture]
    includes = ["-I" + i for i in context.includes.to_list() + context.quote_includes.to_list()]
    for include in context.system_includes.to_list():
        includes += ["-isystem", include]
    defines = ["-D" + d for d in context.defines.to_list()]
    headers = depset(
        direct = [f for t in ctx.attr.hdrs for f in t.files.to_list()],
        transitive = [context.headers],
    )
    # All headers that a source may read; third_party/cuda/nvcc reports those that it did not.
    candidates = ctx.actions.declare_file(ctx.label.name + ".headers")
    lines = ctx.actions.args()
    lines.set_param_file_format("multiline")
    lines.add_all(headers)
    ctx.actions.write(candidates, lines)
    objects = []
    for source in ctx.files.srcs:
        stem = source.path.rpartition("/")[2].replace(".cu.cc", ".cu")
        out = ctx.actions.declare_file(stem + ".o")
        unused = ctx.actions.declare_file(stem + ".unused")
        ctx.actions.run(
            executable = ctx.executable._nvcc,
            arguments = [unused.path, candidates.path, NVCC] + _FLAGS + flags + includes +
                        defines + ["-c", source.path, "-o", out.path],
            inputs = depset(direct = [source, candidates], transitive = [headers]),
            outputs = [out, unused],
            unused_inputs_list = unused,
            mnemonic = "Nvcc",
            progress_message = "Compiling for the GPU: " + source.short_path,
            use_default_shell_env = True,
        )
        objects.append(out)
    return [DefaultInfo(files = depset(objects))]

_nvcc_objects = rule(
    implementation = _nvcc_objects_impl,
    attrs = {
        "srcs": attr.label_list(allow_files = [".cu.cc"]),
        "hdrs": attr.label_list(allow_files = True),
        "deps": attr.label_list(providers = [CcInfo]),
        "_nvcc": attr.label(
            default = "//third_party/cuda:nvcc",
            allow_single_file = True,
            cfg = "exec",
            executable = True,
        ),
    },
)

def cuda_library(name, srcs = [], device_srcs = [], hdrs = [], deps = [], **kwargs):
    """A library of the CUDA backend; empty in a build for CPU only.

    Args:
      name: the target.
      srcs: host sources (*.cc).
      device_srcs: sources with kernels (*.cu.cc).
      hdrs: its headers.
      deps: what it uses; the runtime comes along.
      **kwargs: passed on to cc_library.
    """
    runtime = select({
        _SIM: ["//tests/sim"],
        _OFF: [],
        "//conditions:default": ["@cuda_toolkit//:runtime"] if CUDA_FOUND else [],
    })
    objects = []
    if device_srcs and CUDA_FOUND:
        _nvcc_objects(
            name = name + "_nvcc",
            srcs = device_srcs,
            hdrs = hdrs,
            deps = deps + ["@cuda_toolkit//:runtime"],
            tags = ["manual"],
            visibility = ["//visibility:private"],
        )
        objects = [":" + name + "_nvcc"]
    native.cc_library(
        name = name,
        srcs = select({
            _SIM: srcs + device_srcs,
            _OFF: [],
            "//conditions:default": srcs + objects if CUDA_FOUND else [],
        }),
        hdrs = hdrs,
        alwayslink = True,
        deps = deps + runtime,
        local_defines = ['CONVOY_CUDA_LIBRARIES=\\"%s\\"' % CUDA_LIBRARIES],
        **kwargs
    )

def cuda_layer(name, **kwargs):
    """A layer's part of the CUDA backend: the cuda_library of all sources in the package.

    Args:
      name: the target.
      **kwargs: passed on to cuda_library.
    """
    cuda_library(
        name = name,
        srcs = native.glob(["*.cc"], exclude = ["*.cu.cc"]),
        device_srcs = native.glob(["*.cu.cc"]),
        hdrs = native.glob(["*.h"]),
        **kwargs
    )
    layer_text()

def cuda_select(cuda, otherwise = []):
    """`cuda` where the build has the CUDA backend, real or simulated; else `otherwise`."""
    return select({
        _SIM: cuda,
        _OFF: otherwise,
        "//conditions:default": cuda if CUDA_FOUND else otherwise,
    })

def sim_select(sim, otherwise = []):
    """`sim` in a build for the simulated device; else `otherwise`."""
    return select({
        _SIM: sim,
        "//conditions:default": otherwise,
    })
