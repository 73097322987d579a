// Mlp: dense layers in a row.
#include "models/mlp.h"

#include <string>

#include "core/base/error.h"
#include "ops/shape_ops.h"

namespace convoy {

Mlp::Layers::Layers(const MlpOptions& options, Initializer& init) {
  int64_t in = options.in;
  auto add = [&](int64_t out, Activation activation) {
    layers.emplace_back(LinearOptions{.in = in, .out = out, .activation = activation}, init);
    AddModule(std::to_string(layers.size() - 1), layers.back());
    in = out;
  };
  for (const int64_t hidden : options.hidden) add(hidden, Activation::kRelu);
  add(options.out, Activation::kNone);
}

Mlp::Mlp(const MlpOptions& options, Initializer init)
    : in_(options.in), dtype_(options.dtype), layers_(options, init), dropout_(options.dropout) {
  AddModule("layers", layers_);
  AddModule("dropout", dropout_);
}

Tensor Mlp::operator()(const Tensor& x) {
  CONVOY_CHECK(x.ndim() >= 1 && x.shape().Product(1, x.ndim()) == in_,
               "[Mlp] expected an input of {} elements a row, got {}", in_, x.shape().ToString());
  Tensor h = Cast(x.ndim() == 2 ? x : Reshape(x, {x.dim(0), in_}), dtype_);
  for (size_t i = 0; i < layers_.layers.size(); ++i) {
    h = layers_.layers[i](h);
    if (i + 1 < layers_.layers.size()) h = dropout_(h);
  }
  return h;
}

}  // namespace convoy
