// Inception-V3, block by block.
#include <fmt/format.h>

#include "tools/scaling/architectures.h"
#include "tools/scaling/conv_net.h"

namespace convoy {
namespace {

// Adds the convolutions of one block: each with a batch norm, named NAME.conv and NAME.bn.
class Block {
 public:
  Block(ConvNet& net, std::string name, int64_t in, int64_t size)
      : net_(net), name_(std::move(name)), in_(in), size_(size) {}

  // Of the block's input, to one of its outputs or to the next convolution.
  void First(const std::string& name, int64_t out, int64_t kernel = 1, int64_t size = 0) {
    Conv(name, in_, out, kernel, kernel, size);
  }
  void Conv(const std::string& name, int64_t in, int64_t out, int64_t high, int64_t wide,
            int64_t size = 0) {
    const std::string full = fmt::format("{}.{}", name_, name);
    net_.ConvNorm(full + ".conv", full + ".bn", in, out, high, wide, size > 0 ? size : size_);
  }

 private:
  ConvNet& net_;
  const std::string name_;
  const int64_t in_, size_;
};

void BlockA(ConvNet& net, const std::string& name, int64_t in, int64_t pooled) {
  Block block(net, name, in, 35);
  block.First("branch1x1", 64);
  block.First("branch5x5_1", 48);
  block.Conv("branch5x5_2", 48, 64, 5, 5);
  block.First("branch3x3dbl_1", 64);
  block.Conv("branch3x3dbl_2", 64, 96, 3, 3);
  block.Conv("branch3x3dbl_3", 96, 96, 3, 3);
  block.First("branch_pool", pooled);
}

void BlockB(ConvNet& net, const std::string& name, int64_t in) {
  Block block(net, name, in, 35);
  block.First("branch3x3", 384, 3, 17);
  block.First("branch3x3dbl_1", 64);
  block.Conv("branch3x3dbl_2", 64, 96, 3, 3);
  block.Conv("branch3x3dbl_3", 96, 96, 3, 3, 17);
}

void BlockC(ConvNet& net, const std::string& name, int64_t inner) {
  Block block(net, name, 768, 17);
  block.First("branch1x1", 192);
  block.First("branch7x7_1", inner);
  block.Conv("branch7x7_2", inner, inner, 1, 7);
  block.Conv("branch7x7_3", inner, 192, 7, 1);
  block.First("branch7x7dbl_1", inner);
  block.Conv("branch7x7dbl_2", inner, inner, 7, 1);
  block.Conv("branch7x7dbl_3", inner, inner, 1, 7);
  block.Conv("branch7x7dbl_4", inner, inner, 7, 1);
  block.Conv("branch7x7dbl_5", inner, 192, 1, 7);
  block.First("branch_pool", 192);
}

void BlockD(ConvNet& net, const std::string& name) {
  Block block(net, name, 768, 17);
  block.First("branch3x3_1", 192);
  block.Conv("branch3x3_2", 192, 320, 3, 3, 8);
  block.First("branch7x7x3_1", 192);
  block.Conv("branch7x7x3_2", 192, 192, 1, 7);
  block.Conv("branch7x7x3_3", 192, 192, 7, 1);
  block.Conv("branch7x7x3_4", 192, 192, 3, 3, 8);
}

void BlockE(ConvNet& net, const std::string& name, int64_t in) {
  Block block(net, name, in, 8);
  block.First("branch1x1", 320);
  block.First("branch3x3_1", 384);
  block.Conv("branch3x3_2a", 384, 384, 1, 3);
  block.Conv("branch3x3_2b", 384, 384, 3, 1);
  block.First("branch3x3dbl_1", 448);
  block.Conv("branch3x3dbl_2", 448, 384, 3, 3);
  block.Conv("branch3x3dbl_3a", 384, 384, 1, 3);
  block.Conv("branch3x3dbl_3b", 384, 384, 3, 1);
  block.First("branch_pool", 192);
}

}  // namespace

Architecture InceptionV3(bool auxiliary_head) {
  ConvNet net;
  const auto conv = [&](const std::string& name, int64_t in, int64_t out, int64_t kernel,
                        int64_t size) {
    net.ConvNorm(name + ".conv", name + ".bn", in, out, kernel, kernel, size);
  };
  conv("Conv2d_1a_3x3", 3, 32, 3, 149);
  conv("Conv2d_2a_3x3", 32, 32, 3, 147);
  conv("Conv2d_2b_3x3", 32, 64, 3, 147);
  conv("Conv2d_3b_1x1", 64, 80, 1, 73);
  conv("Conv2d_4a_3x3", 80, 192, 3, 71);
  BlockA(net, "Mixed_5b", 192, 32);
  BlockA(net, "Mixed_5c", 256, 64);
  BlockA(net, "Mixed_5d", 288, 64);
  BlockB(net, "Mixed_6a", 288);
  BlockC(net, "Mixed_6b", 128);
  BlockC(net, "Mixed_6c", 160);
  BlockC(net, "Mixed_6d", 160);
  BlockC(net, "Mixed_6e", 192);
  if (auxiliary_head) {
    conv("AuxLogits.conv0", 768, 128, 1, 5);
    conv("AuxLogits.conv1", 128, 768, 5, 1);
    net.Biased("AuxLogits.fc", 768, 1000);
  }
  BlockD(net, "Mixed_7a");
  BlockE(net, "Mixed_7b", 1280);
  BlockE(net, "Mixed_7c", 2048);
  net.Biased("fc", 2048, 1000);
  return net.Done();
}

}  // namespace convoy
