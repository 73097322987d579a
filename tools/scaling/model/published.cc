// What others have published about how bundled models scale.
#include "tools/scaling/model/published.h"

namespace convoy::scaling {
namespace {

constexpr const char* kHorovod =
    "Horovod, docs/benchmarks.rst: 128 servers with 4 Pascal GPUs each, RoCE at 25 Gbit/s";

}  // namespace

Published PublishedScaling(const std::string& model) {
  Published published;
  if (model == "inception-v3" || model == "resnet101") {
    published.points.push_back({512, 0.90, kHorovod});
  } else if (model == "vgg16") {
    published.points.push_back({512, 0.68, kHorovod});
  } else if (model == "gpt2-124m") {
    published.points.push_back(
        {8, 0.976, "llm.c, issue 248: 82,000 tokens/s on one A100, 80,000 a GPU on 8"});
  } else if (model == "resnet50") {
    published.points.push_back({256, 0.90,
                                "Goyal et al., arXiv 1706.02677: about 90% from 8 to 256 GPUs, "
                                "batch 8,192"});
  }
  if (model.starts_with("resnet50")) {
    published.remarks.push_back(
        "PyTorch DDP, arXiv 2006.15704: near-linear at 256 GPUs (no figure in its abstract)");
  }
  return published;
}

}  // namespace convoy::scaling
