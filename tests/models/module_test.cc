// Modules: names, order, modes; and the layers built on them.
#include "models/module.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "core/autograd.h"
#include "core/base/error.h"
#include "models/dropout.h"
#include "models/embedding.h"
#include "models/layer_norm.h"
#include "models/linear.h"
#include "models/mlp.h"
#include "models/rms_norm.h"

namespace convoy {
namespace {

std::vector<std::string> Names(const Module& module) {
  std::vector<std::string> names;
  for (const NamedTensor& parameter : module.Parameters()) names.push_back(parameter.name);
  return names;
}

/// What a user writes.
class Net : public Module {
 public:
  explicit Net(Initializer init)
      : in_({.in = 3, .out = 4}, init), norm_({.channels = 4}, init), drop_(0.5) {
    AddModule("in", in_);
    AddModule("norm", norm_);
    AddModule("drop", drop_);
    scale_ = AddParameter("scale", init.Constant({4}, 2));
  }
  Tensor operator()(const Tensor& x) { return drop_(norm_(in_(x))); }
  using Module::AddModule;
  using Module::AddParameter;

 private:
  LinearLayer in_;
  LayerNormLayer norm_;
  DropoutLayer drop_;
  Tensor scale_;
};

TEST_CASE("Parameters come in the order of registration, with dotted names") {
  const Net net(Initializer(Device::Cpu(), 1));
  CHECK(Names(net) ==
        std::vector<std::string>{"in.weight", "in.bias", "norm.weight", "norm.bias", "scale"});
  CHECK(net.ParameterCount() == 3 * 4 + 4 + 4 + 4 + 4);
  for (const NamedTensor& parameter : net.Parameters()) CHECK(parameter.tensor.requires_grad());
}

TEST_CASE("A name is unique and has no dots") {
  Net net(Initializer(Device::Cpu(), 1));
  DropoutLayer child(0);
  CHECK_THROWS_WITH(net.AddModule("in", child),
                    "[Module] there is a parameter or sub-module 'in' already");
  CHECK_THROWS_WITH(net.AddParameter("a.b", Tensor::Zeros({1})),
                    "[Module] a parameter or sub-module needs a name without dots, got 'a.b'");
  CHECK_THROWS_WITH(net.AddParameter("empty", Tensor()), "[Module] parameter 'empty' is undefined");
}

TEST_CASE("Initial values depend on the seed and the position alone") {
  const Net net(Initializer(Device::Cpu(0), 7));
  const Net other_device(Initializer(Device::Cpu(1), 7));
  const Net other_seed(Initializer(Device::Cpu(0), 8));
  const auto weight = net.Parameters()[0].tensor.ToVector<float>();
  CHECK(weight == other_device.Parameters()[0].tensor.ToVector<float>());
  CHECK(weight != other_seed.Parameters()[0].tensor.ToVector<float>());
}

TEST_CASE("A dense layer starts as PyTorch's does, or normal with zero biases") {
  Initializer init(Device::Cpu(), 3);
  const LinearLayer uniform({.in = 100, .out = 200}, init);
  float largest = 0;
  for (const float w : uniform.Parameters()[0].tensor.ToVector<float>()) {
    largest = std::max(largest, std::abs(w));
  }
  CHECK(largest <= 0.1f);
  CHECK(largest > 0.0999f);

  const LinearLayer normal({.in = 100, .out = 200, .stddev = 0.02}, init);
  double squares = 0;
  for (const float w : normal.Parameters()[0].tensor.ToVector<float>()) squares += double{w} * w;
  CHECK(std::sqrt(squares / 20000) == Approx(0.02).epsilon(0.02));
  CHECK(normal.Parameters()[1].tensor.ToVector<float>() == std::vector<float>(200, 0.0f));

  CHECK_THROWS_WITH(LinearLayer({.in = 0, .out = 4}, init),
                    "[LinearLayer] in and out must be positive, got in 0, out 4");
}

TEST_CASE("Layers compute what their ops do") {
  Initializer init(Device::Cpu(), 3);
  const EmbeddingLayer table({.rows = 5, .channels = 2}, init);
  const auto rows = table.weight().ToVector<float>();
  CHECK(table(Tensor::From({2}, std::vector<int32_t>{4, 1})).ToVector<float>() ==
        std::vector<float>{rows[8], rows[9], rows[2], rows[3]});

  const RmsNormLayer rms({.channels = 2, .eps = 0}, init);
  const auto y = rms(Tensor::From({1, 2}, std::vector<float>{3, 4})).ToVector<float>();
  CHECK(y[0] == Approx(3 / std::sqrt(12.5)));
  CHECK(y[1] == Approx(4 / std::sqrt(12.5)));
}

TEST_CASE("Dropout draws anew in every call, is off in evaluation, and can be repeated") {
  DropoutLayer dropout(0.5);
  dropout.Reseed(5);
  const Tensor x = Tensor::Full({1000}, 1);
  const auto first = dropout(x).ToVector<float>();
  const auto second = dropout(x).ToVector<float>();
  CHECK(first != second);
  {
    const EvalMode eval(dropout);
    CHECK(dropout(x).ToVector<float>() == x.ToVector<float>());
  }
  CHECK(dropout.training());
  dropout.Reseed(5);
  CHECK(dropout(x).ToVector<float>() == first);
  dropout.Reseed(6);
  CHECK(dropout(x).ToVector<float>() != first);
  CHECK_THROWS_WITH(DropoutLayer(1.0), "[DropoutLayer] p must lie in [0, 1), got 1");
}

TEST_CASE("Train and Reseed reach every layer below") {
  Net net(Initializer(Device::Cpu(), 1));
  const Tensor x = Tensor::Full({50, 3}, 1);
  net.Reseed(1);
  const auto dropped = net(x).ToVector<float>();
  net.Reseed(1);
  CHECK(net(x).ToVector<float>() == dropped);
  net.Train(false);
  CHECK(net(x).ToVector<float>() == net(x).ToVector<float>());
  CHECK(net(x).ToVector<float>() != dropped);
}

TEST_CASE("Mlp takes images of any shape and names its layers by number") {
  Mlp mlp({.in = 6, .hidden = {5, 4}, .out = 3}, Device::Cpu(), 42);
  CHECK(Names(mlp) == std::vector<std::string>{"layers.0.weight", "layers.0.bias",
                                               "layers.1.weight", "layers.1.bias",
                                               "layers.2.weight", "layers.2.bias"});
  const std::vector<float> pixels{1, 2, 3, 4, 5, 6, 6, 5, 4, 3, 2, 1};
  const auto flat = mlp(Tensor::From({2, 6}, pixels)).ToVector<float>();
  CHECK(flat.size() == 6);
  CHECK(mlp(Tensor::From({2, 2, 3, 1}, pixels)).ToVector<float>() == flat);
  CHECK_THROWS_WITH(mlp(Tensor::Zeros({2, 7})),
                    "[Mlp] expected an input of 6 elements a row, got (2, 7)");
  CHECK(mlp(Tensor::Zeros({0, 6})).shape() == Shape{0, 3});
}

TEST_CASE("Mlp computes ReLU between dense layers") {
  Mlp mlp({.in = 2, .hidden = {2}, .out = 1}, Device::Cpu(), 1);
  const ParameterList p = mlp.Parameters();
  p[0].tensor.CopyFrom(Tensor::From({2, 2}, std::vector<float>{1, 1, -1, -1}));
  p[1].tensor.CopyFrom(Tensor::From({2}, std::vector<float>{0.5f, 0}));
  p[2].tensor.CopyFrom(Tensor::From({1, 2}, std::vector<float>{2, 3}));
  p[3].tensor.CopyFrom(Tensor::From({1}, std::vector<float>{-1}));
  const auto y = mlp(Tensor::From({2, 2}, std::vector<float>{1, 2, -1, -2})).ToVector<float>();
  CHECK(y == std::vector<float>{6, 8});  // 2 * 3.5 - 1 and 3 * 3 - 1
}

TEST_CASE("Mlp drops out after hidden layers, never the logits") {
  Mlp linear({.in = 3, .out = 50, .dropout = 0.9}, Device::Cpu(), 1);
  const Tensor x = Tensor::Full({4, 3}, 1);
  const auto training = linear(x).ToVector<float>();
  linear.Train(false);
  CHECK(training == linear(x).ToVector<float>());

  // One hidden layer that gives 1: an output is the sum of those that are left, 1 / (1 - p) each.
  Mlp mlp({.in = 1, .hidden = {40}, .out = 1, .dropout = 0.75}, Device::Cpu(), 1);
  const ParameterList p = mlp.Parameters();
  p[0].tensor.Zero();
  p[1].tensor.CopyFrom(Tensor::Full({40}, 1));
  p[2].tensor.CopyFrom(Tensor::Full({1, 40}, 1));
  p[3].tensor.Zero();
  double sum = 0;
  for (const float y : mlp(Tensor::Full({500, 1}, 1)).ToVector<float>()) {
    CHECK(y == 4 * std::round(y / 4));
    sum += y;
  }
  CHECK(sum / 500 == Approx(40).epsilon(0.1));  // seven standard deviations of the mean
}

TEST_CASE("The n-th tensor's values are those of Philox's stream n, whatever comes before") {
  Initializer init(Device::Cpu(), 7);
  init.Constant({2}, 1);  // has a stream too, and draws nothing
  const auto first = init.KaimingUniform({3, 5}, 4).ToVector<float>();
  init.Normal({2}, 1);
  const auto second = init.KaimingUniform({300, 4}, 100).ToVector<float>();
  const auto uniform = [](uint64_t stream, size_t i) {
    const uint32_t bits = RandomStream{7, stream}.Block(i / 4)[i % 4];
    return 2 * (static_cast<double>(bits >> 8) / (1 << 24)) - 1;
  };
  for (size_t i = 0; i < first.size(); ++i) {
    CAPTURE(i);
    REQUIRE(first[i] == Approx(uniform(1, i) / 2).margin(1e-7));  // 1 / sqrt(4)
  }
  for (size_t i = 0; i < second.size(); ++i) {
    CAPTURE(i);
    REQUIRE(second[i] == Approx(uniform(3, i) / 10).margin(1e-7));
  }
}

}  // namespace
}  // namespace convoy
