"""The repositories that Convoy is built from, for its own WORKSPACE and for those that use it."""

load("//third_party/cuda:configure.bzl", "cuda_toolkit")

def convoy_repositories(root = "."):
    """Declares them. Nothing is downloaded: tools/setup installs the packages behind them.

    Args:
      root: where Convoy lies, from the calling workspace.
    """

    # Bazel 4 itself asks for these by name, whatever is built; the stand-ins keep the build off
    # the network.
    for name in ["rules_cc", "rules_java", "remote_coverage_tools"]:
        if not native.existing_rule(name):
            native.local_repository(
                name = name,
                path = root + "/third_party/bazel_stubs/" + name,
            )

    # Eigen sits one folder below the compiler's search path; as a repository it brings its own
    # -isystem.
    native.new_local_repository(
        name = "eigen",
        build_file = "@convoy//third_party/eigen:eigen.BUILD",
        path = "/usr/include/eigen3",
    )

    # CUDA, cuBLASLt, cuDNN and NCCL where they are found; else the build is for CPU only.
    cuda_toolkit(name = "cuda_toolkit")
