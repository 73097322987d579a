"""Finds the CUDA toolkit, as the repository @cuda_toolkit. Without one, the build is for CPU only."""

_BUILD = """
package(default_visibility = ["//visibility:public"])

# Headers of the toolkit, cuBLASLt, cuDNN and NCCL, as system headers. Only cudart is linked: the
# other libraries are opened at run time (core/cuda/library.h).
cc_library(
    name = "headers",
    hdrs = glob(
        ["include/*.h", "include/*.hpp", "include/crt/**"],
        allow_empty = True,
    ),
    includes = ["include"],
)

# It includes its own headers as "../include/...".
cc_library(
    name = "cudnn_frontend",
    hdrs = glob(["cudnn_frontend/include/**"], allow_empty = True),
    includes = ["cudnn_frontend/include"],
    deps = [":headers"],
)

cc_library(
    name = "runtime",
    srcs = glob(["lib/libcudart_static.a"], allow_empty = True),
    linkopts = ["-lpthread", "-ldl", "-lrt"],
    deps = [":headers"],
)
"""

_CONFIG = """
# Written by third_party/cuda/configure.bzl.
CUDA_FOUND = {found}
CUDNN_FRONTEND_FOUND = {frontend}
NVCC = "{nvcc}"
CUDA_LIBRARIES = "{libraries}"
"""

def _find_toolkit(ctx):
    for place in [ctx.os.environ.get("CUDA_HOME"), "/usr/local/cuda"]:
        if place and ctx.path(place + "/bin/nvcc").exists:
            return place
    nvcc = ctx.which("nvcc")
    return str(nvcc.realpath.dirname.dirname) if nvcc else None

def _find_frontend(ctx):
    home = ctx.os.environ.get("HOME", "")
    for place in [ctx.os.environ.get("CUDNN_FRONTEND_HOME"), home + "/.cache/convoy/cudnn-frontend"]:
        if place and ctx.path(place + "/include/cudnn_frontend.h").exists:
            return place
    return None

def _cuda_toolkit_impl(ctx):
    toolkit = _find_toolkit(ctx)
    headers = ["cuda_runtime.h", "cublasLt.h", "nccl.h", "cudnn.h"]
    if toolkit and not all([ctx.path(toolkit + "/include/" + h).exists for h in headers]):
        toolkit = None  # a toolkit without cuBLASLt, cuDNN or NCCL
    frontend = _find_frontend(ctx) if toolkit else None
    libraries = ""
    if toolkit:
        libraries = toolkit + ("/lib64" if ctx.path(toolkit + "/lib64").exists else "/lib")
        ctx.symlink(toolkit + "/include", "include")
        ctx.symlink(libraries, "lib")
    if frontend:
        ctx.symlink(frontend + "/include", "cudnn_frontend/include")
    ctx.file("BUILD", _BUILD)
    ctx.file("config.bzl", _CONFIG.format(
        found = toolkit != None,
        frontend = frontend != None,
        nvcc = toolkit + "/bin/nvcc" if toolkit else "",
        libraries = libraries,
    ))

cuda_toolkit = repository_rule(
    implementation = _cuda_toolkit_impl,
    environ = ["CUDA_HOME", "CUDNN_FRONTEND_HOME", "PATH"],
    local = True,
    configure = True,
)
