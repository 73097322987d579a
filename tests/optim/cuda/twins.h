// One model twice, on the CPU and on a GPU, with the same values and gradients.
#pragma once

#include <fmt/format.h>

#include <memory>
#include <vector>

#include "core/autograd.h"
#include "core/random.h"
#include "core/tensor.h"
#include "optim/flat_parameters.h"

namespace convoy {

/// Parameters of odd sizes in several buckets: many shorter than an access or a thread's share, one
/// longer than what a block updates or a partial sum covers.
class Twins {
 public:
  explicit Twins(DType dtype) : dtype_(dtype) {
    std::vector<std::vector<int>> plan = {{}, {}, {}};
    const auto add = [&](int64_t n, size_t bucket) {
      plan[bucket].push_back(static_cast<int>(sizes_.size()));
      sizes_.push_back(n);
    };
    for (int i = 0; i < 40; ++i) add(1 + i % 7 * i, 0);
    for (const int64_t n : {20011, 1, 16, 33}) add(n, 1);
    add(5, 2);
    add(8192, 2);
    for (const Device device : {Device::Cpu(), Device::Cuda(0)}) {
      ParameterList list;
      Random random(3);
      for (const int64_t n : sizes_) {
        Tensor values = Draw(random, n).To(device);
        values.SetRequiresGrad();
        list.push_back({fmt::format("p{}", list.size()), values});
      }
      (device.is_cpu() ? cpu : gpu) = FlatParameters(list, plan);
    }
  }

  /// Random gradients, times `scale`.
  void GiveGradients(double scale = 1) {
    for (size_t i = 0; i < sizes_.size(); ++i) {
      Give(i, Draw(gradients_, sizes_[i], scale));
    }
  }
  /// One element of a parameter's gradient.
  void Spoil(size_t parameter, int64_t element, double value) const {
    for (const FlatParameters* flat : {&cpu, &gpu}) {
      const Tensor slot = flat->parameters()[parameter].tensor.grad();
      slot.View({}, element).CopyFrom(Tensor::Full({}, value, slot.options()));
    }
  }
  /// Writes to a parameter behind the optimizers' back.
  void Overwrite(size_t parameter, double value) const {
    for (const FlatParameters* flat : {&cpu, &gpu}) {
      const Tensor& p = flat->parameters()[parameter].tensor;
      p.CopyFrom(Tensor::Full(p.shape(), value, p.options()));
    }
  }

  FlatParameters cpu, gpu;

 private:
  Tensor Draw(Random& random, int64_t n, double scale = 1) const {
    const Tensor values = Tensor::Empty({n}, {dtype_, Device::Cpu()});
    random.Normal(values, 0, scale);
    return values;
  }
  void Give(size_t parameter, const Tensor& gradient) const {
    for (const FlatParameters* flat : {&cpu, &gpu}) {
      const Tensor& p = flat->parameters()[parameter].tensor;
      MarkGradFresh(p);
      p.grad().CopyFrom(gradient);
    }
  }

  DType dtype_;
  std::vector<int64_t> sizes_;
  Random gradients_{7};
};

/// All elements in f64, on the host.
inline std::vector<double> Doubles(const Tensor& tensor) {
  std::vector<double> values;
  DispatchAll(tensor.dtype(), [&]<typename T>(T) {
    for (const T value : tensor.ToVector<T>()) {
      values.push_back(static_cast<double>(static_cast<ComputeType<T>>(value)));
    }
  });
  return values;
}

}  // namespace convoy
