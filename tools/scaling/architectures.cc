// Published architectures: their parameters in order of registration, and what each layer computes.
#include "tools/scaling/architectures.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "tools/scaling/conv_net.h"

namespace convoy {
namespace {

Architecture ResNet(const std::array<int, 4>& blocks) {
  ConvNet net;
  net.ConvNorm("conv1", "bn1", 3, 64, 7, 7, 112);
  int64_t in = 64;
  for (int stage = 0; stage < 4; ++stage) {
    const int64_t width = int64_t{64} << stage, out = 4 * width, size = 56 >> stage;
    for (int b = 0; b < blocks[static_cast<size_t>(stage)]; ++b) {
      const std::string at = fmt::format("layer{}.{}.", stage + 1, b);
      // The first 1 x 1 still sees the size of the stage before.
      const int64_t before = b == 0 && stage > 0 ? 2 * size : size;
      net.ConvNorm(at + "conv1", at + "bn1", in, width, 1, 1, before);
      net.ConvNorm(at + "conv2", at + "bn2", width, width, 3, 3, size);
      net.ConvNorm(at + "conv3", at + "bn3", width, out, 1, 1, size);
      if (b == 0) net.ConvNorm(at + "downsample.0", at + "downsample.1", in, out, 1, 1, size);
      in = out;
    }
  }
  net.Biased("fc", in, 1000);
  return net.Done();
}

}  // namespace

int64_t Architecture::numel() const {
  int64_t total = 0;
  for (const ArchitectureLayer& layer : layers) {
    for (const auto& [name, numel] : layer.parameters) total += numel;
  }
  return total;
}

double Architecture::flops() const {
  double total = output_flops;
  for (const ArchitectureLayer& layer : layers) total += layer.flops;
  return total;
}

Architecture ResNet50() { return ResNet({3, 4, 6, 3}); }
Architecture ResNet101() { return ResNet({3, 4, 23, 3}); }

Architecture Vgg16() {
  ConvNet net;
  int64_t in = 3, size = 224;
  int place = 0;  // among convolutions, ReLUs and pools
  for (const auto& [count, out] : {std::pair{2, 64}, std::pair{2, 128}, std::pair{3, 256},
                                   std::pair{3, 512}, std::pair{3, 512}}) {
    for (int i = 0; i < count; ++i, place += 2, in = out) {
      net.Biased(fmt::format("features.{}", place), in, out, 3, size);
    }
    ++place;
    size /= 2;
  }
  net.Biased("classifier.0", in * size * size, 4096);
  net.Biased("classifier.3", 4096, 4096);
  net.Biased("classifier.6", 4096, 1000);
  return net.Done();
}

Architecture Gpt2() {
  constexpr int64_t kVocab = 50257, kTokens = 1024, kChannels = 768;
  Architecture gpt;
  const auto add = [&](std::vector<ArchitectureLayer::Parameter> parameters, double flops) {
    gpt.layers.push_back({std::move(parameters), flops});
  };
  const auto norm = [&](const std::string& name) {
    add({{name + ".weight", kChannels}, {name + ".bias", kChannels}}, 0);
  };
  const auto dense = [&](const std::string& name, int64_t in, int64_t out, double more = 0) {
    add({{name + ".weight", in * out}, {name + ".bias", out}},
        2.0 * static_cast<double>(in * out) + more);
  };
  add({{"wte.weight", kVocab * kChannels}}, 0);
  add({{"wpe.weight", kTokens * kChannels}}, 0);
  for (int i = 0; i < 12; ++i) {
    const std::string at = fmt::format("h.{}.", i);
    norm(at + "ln_1");
    // With attention itself: a token sees half of the others, twice (scores and values).
    dense(at + "attn.c_attn", kChannels, 3 * kChannels,
          2.0 * static_cast<double>(kTokens * kChannels));
    dense(at + "attn.c_proj", kChannels, kChannels);
    norm(at + "ln_2");
    dense(at + "mlp.c_fc", kChannels, 4 * kChannels);
    dense(at + "mlp.c_proj", 4 * kChannels, kChannels);
  }
  norm("ln_f");
  gpt.output_flops = 2.0 * static_cast<double>(kVocab * kChannels);  // by wte
  return gpt;
}

}  // namespace convoy
