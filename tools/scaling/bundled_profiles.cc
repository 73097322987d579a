// Profiles of well-known models on well-known GPUs, from published throughputs.
#include "tools/scaling/bundled_profiles.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <functional>

#include "core/base/error.h"
#include "tools/scaling/architectures.h"

namespace convoy {
namespace {

// What the optimizer reads and writes for a parameter. SGD with momentum: value and momentum in f32
// both ways, and 4 bytes of f32 gradient or of f16 gradient and f16 copy. AdamW on bf16: 28.
constexpr double kSgdBytes = 20, kAdamWBytes = 28;

// Bytes a second that a kernel without arithmetic reaches: 85% of the data sheets' figures, as
// MLPerf's ResNet-50 does on an H100 (2.85 of 3.35 TB/s).
constexpr double kP100 = 0.85 * 732e9, kV100 = 0.85 * 900e9, kA100 = 0.85 * 2039e9,
                 kH100 = 0.85 * 3350e9;

struct Bundled {
  const char* name;
  std::function<Architecture()> architecture;
  const char* unit;
  double units;        // in a worker's batch
  double units_per_s;  // of one GPU
  DType dtype;         // of gradients
  double optimizer_bytes;
  double memory_bytes_per_s;
  const char* source;  // of units_per_s
};

const std::vector<Bundled>& All() {
  static const std::vector<Bundled> all = {
      {"resnet50", ResNet50, "images", 64, 219, DType::kF32, kSgdBytes, kP100,
       "219 images/s on one P100, batch 64 (tensorflow.org/performance/benchmarks, DGX-1, "
       "synthetic "
       "data, May 2017)"},
      {"resnet101", ResNet101, "images", 64, 1656.82 / 16, DType::kF32, kSgdBytes, kP100,
       "1,656.82 images/s on 16 Pascal GPUs, batch 64 (Horovod, docs/benchmarks.rst): one alone is "
       "somewhat faster"},
      {"vgg16", Vgg16, "images", 64, 154, DType::kF32, kSgdBytes, kP100,
       "154 images/s on one P100, batch 64 (tensorflow.org/performance/benchmarks, DGX-1, "
       "synthetic "
       "data, May 2017)"},
      {"inception-v3", [] { return InceptionV3(); }, "images", 64, 142, DType::kF32, kSgdBytes,
       kP100,
       "142 images/s on one P100, batch 64 (tensorflow.org/performance/benchmarks, DGX-1, "
       "synthetic "
       "data, May 2017)"},
      {"resnet50-v100", ResNet50, "images", 256, 1200, DType::kF16, kSgdBytes, kV100,
       "1,200 images/s on one V100, mixed precision (NVIDIA DeepLearningExamples, PyTorch)"},
      {"resnet50-a100", ResNet50, "images", 256, 2470, DType::kF16, kSgdBytes, kA100,
       "2,470 images/s on one A100 80GB, mixed precision (NVIDIA DeepLearningExamples, PyTorch)"},
      {"resnet50-h100", ResNet50, "images", 400, 7006, DType::kF16, kSgdBytes, kH100,
       "7,006 images/s a GPU on 8 H100, batch 400 (MLPerf Training 3.0, MXNet)"},
      {"gpt2-124m", Gpt2, "tokens", 65536, 524288 / 0.140 / 8, DType::kBF16, kAdamWBytes, kH100,
       "llm.c on 8 H100: 140 ms for 524,288 tokens (modded-nanogpt, records, 2024-10-13_llmc)"},
  };
  return all;
}

ModelProfile Make(const Bundled& bundled) {
  const Architecture architecture = bundled.architecture();
  const double bytes_per_parameter = static_cast<double>(SizeOf(bundled.dtype));
  ModelProfile profile;
  profile.model = bundled.name;
  profile.source = bundled.source;
  profile.unit = bundled.unit;
  profile.units = bundled.units;
  const double step_ms = bundled.units / bundled.units_per_s * 1e3;
  profile.optimizer_ms = static_cast<double>(architecture.numel()) * bundled.optimizer_bytes /
                         bundled.memory_bytes_per_s * 1e3;
  profile.forward_ms = (step_ms - profile.optimizer_ms) / 3;
  profile.backward_ms = 2 * profile.forward_ms;
  const double ms_per_flop = profile.backward_ms / architecture.flops();
  double left = architecture.flops();  // of this layer and those before it: backward's last
  std::vector<double> ready(architecture.layers.size());
  left -= architecture.output_flops;
  for (size_t l = architecture.layers.size(); l-- > 0;) {
    left -= architecture.layers[l].flops;
    ready[l] = std::clamp(profile.backward_ms - left * ms_per_flop, 0.0, profile.backward_ms);
  }
  for (size_t l = 0; l < ready.size(); ++l) {
    for (const auto& [name, numel] : architecture.layers[l].parameters) {
      const auto bytes = static_cast<int64_t>(bytes_per_parameter) * numel;
      profile.parameters.push_back({name, bytes, bundled.dtype, ready[l]});
    }
  }
  return profile;
}

constexpr const char* kHorovod =
    "Horovod, docs/benchmarks.rst: 128 servers with 4 Pascal GPUs each, RoCE at 25 Gbit/s";

}  // namespace

std::vector<std::string> BundledProfiles() {
  std::vector<std::string> names;
  for (const Bundled& bundled : All()) names.emplace_back(bundled.name);
  return names;
}

ModelProfile FindProfile(const std::string& name_or_path) {
  std::string all;
  for (const Bundled& bundled : All()) {
    if (name_or_path == bundled.name) return Make(bundled);
    all += fmt::format("{}{}", all.empty() ? "" : ", ", bundled.name);
  }
  std::error_code ignored;
  CONVOY_CHECK(std::filesystem::exists(name_or_path, ignored),
               "[profile] '{}' is neither a file nor bundled; bundled are: {}", name_or_path, all);
  return ReadProfile(name_or_path);
}

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

}  // namespace convoy
