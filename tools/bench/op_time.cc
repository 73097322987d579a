// Times single operators, forward alone and with backward: what a change of a kernel costs or
// gains.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/autograd.h"
#include "core/backend.h"
#include "core/base/error.h"
#include "core/base/quantile.h"
#include "core/random.h"
#include "ops/attention.h"
#include "ops/binary.h"
#include "ops/embedding.h"
#include "ops/linear.h"
#include "ops/loss.h"
#include "ops/norm.h"
#include "ops/reduce.h"
#include "ops/softmax.h"
#include "ops/unary.h"
#include "parallel/launch.h"
#include "parallel/launch/program.h"

namespace convoy::bench {
namespace {

using Clock = std::chrono::steady_clock;
using Op = std::function<Tensor()>;

/// Makes the inputs of operators: random numbers that are the same in every run.
class Inputs {
 public:
  Inputs(DType dtype, Device device) : dtype_(dtype), device_(device) {}

  /// Normal numbers that want a gradient.
  Tensor Normal(const Shape& shape) {
    Tensor tensor = Tensor::Empty(shape, {dtype_, device_});
    random_.Normal(tensor, 0, 1);
    return Leaf(tensor);
  }
  /// Uniform numbers in [0.5, 2), which want a gradient.
  Tensor Positive(const Shape& shape) {
    Tensor tensor = Tensor::Empty(shape, {dtype_, device_});
    random_.Uniform(tensor, 0.5, 2);
    return Leaf(tensor);
  }
  /// i32 numbers in [0, bound).
  Tensor Indices(int64_t count, int64_t bound) {
    const std::vector<int64_t> drawn = random_.Integers(count, bound);
    return Tensor::From({count}, std::vector<int32_t>(drawn.begin(), drawn.end()), device_);
  }
  /// All that want a gradient, so far.
  const std::vector<Tensor>& leaves() const { return leaves_; }

 private:
  Tensor Leaf(Tensor tensor) {
    leaves_.push_back(tensor.SetRequiresGrad());
    return tensor;
  }

  DType dtype_;
  Device device_;
  Random random_{1};
  std::vector<Tensor> leaves_;
};

struct Case {
  const char* name;  ///< the operator and its shape
  std::function<Op(Inputs&)> make;
};

Case Unary(const char* name, Tensor (*op)(const Tensor&)) {
  return {name, [op](Inputs& in) { return [op, x = in.Normal({1 << 18})] { return op(x); }; }};
}

Case Rows(const char* name, Shape shape, Tensor (*op)(const Tensor&)) {
  return {name, [=](Inputs& in) { return [op, x = in.Normal(shape)] { return op(x); }; }};
}

Case Binary(const char* name, Tensor (*op)(const Tensor&, const Tensor&)) {
  return {name, [op](Inputs& in) {
            return
                [op, a = in.Positive({1 << 18}), b = in.Positive({1 << 18})] { return op(a, b); };
          }};
}

Case Loss(const char* name, int64_t rows, int64_t classes) {
  return {name, [=](Inputs& in) {
            return [x = in.Normal({rows, classes}), labels = in.Indices(rows, classes)] {
              return CrossEntropy(x, labels);
            };
          }};
}

Case LinearOf(const char* name, int64_t rows, int64_t in_width, int64_t out_width) {
  return {name, [=](Inputs& in) {
            return [x = in.Normal({rows, in_width}), w = in.Normal({out_width, in_width}),
                    b = in.Normal({out_width})] { return Linear(x, w, b); };
          }};
}

std::vector<Case> Cases() {
  return {
      Unary("Exp 262144", Exp),
      Unary("Log 262144", [](const Tensor& x) { return Log(Abs(x)); }),
      Unary("Tanh 262144", Tanh),
      Unary("Sigmoid 262144", Sigmoid),
      Unary("Relu 262144", Relu),
      Unary("Silu 262144", Silu),
      Unary("Gelu 262144", [](const Tensor& x) { return Gelu(x); }),
      Unary("Gelu (tanh) 262144", [](const Tensor& x) { return Gelu(x, GeluKind::kTanh); }),
      Unary("Clamp 262144", [](const Tensor& x) { return Clamp(x, -1, 1); }),
      Binary("Add 262144", Add),
      Binary("Mul 262144", Mul),
      Binary("Div 262144", Div),
      Binary("Pow 262144", Pow),
      Binary("Maximum 262144", Maximum),
      Rows("Sum 512 x 512, rows", {512, 512}, [](const Tensor& x) { return Sum(x, {1}); }),
      Rows("Sum 512 x 512, columns", {512, 512}, [](const Tensor& x) { return Sum(x, {0}); }),
      Rows("Max 512 x 512, rows", {512, 512}, [](const Tensor& x) { return Max(x, {1}); }),
      Rows("Softmax 768 x 65", {768, 65}, Softmax),
      Rows("Softmax 256 x 1024", {256, 1024}, Softmax),
      Rows("LogSoftmax 768 x 65", {768, 65}, LogSoftmax),
      Rows("LogSoftmax 256 x 1024", {256, 1024}, LogSoftmax),
      Loss("CrossEntropy 128 x 10", 128, 10),
      Loss("CrossEntropy 768 x 65", 768, 65),
      Loss("CrossEntropy 64 x 50257", 64, 50257),
      {"LayerNorm 768 x 128",
       [](Inputs& in) {
         return [x = in.Normal({768, 128}), w = in.Normal({128}), b = in.Normal({128})] {
           return LayerNorm(x, w, b);
         };
       }},
      {"RmsNorm 768 x 128",
       [](Inputs& in) {
         return [x = in.Normal({768, 128}), w = in.Normal({128})] { return RmsNorm(x, w); };
       }},
      {"Embedding 65 x 128, 768 indices",
       [](Inputs& in) {
         return [table = in.Normal({65, 128}), indices = in.Indices(768, 65)] {
           return Embedding(table, indices);
         };
       }},
      {"Embedding 50257 x 128, 768 indices",
       [](Inputs& in) {
         return [table = in.Normal({50257, 128}), indices = in.Indices(768, 50257)] {
           return Embedding(table, indices);
         };
       }},
      {"Attention 12 x 64 x 4 x 32, causal",
       [](Inputs& in) {
         return [qkv = in.Normal({12, 64, 3, 4, 32})] { return Attention(qkv, {.causal = true}); };
       }},
      {"Attention 1 x 512 x 4 x 64, causal",
       [](Inputs& in) {
         return [qkv = in.Normal({1, 512, 3, 4, 64})] { return Attention(qkv, {.causal = true}); };
       }},
      LinearOf("Linear 768 x 128 to 384", 768, 128, 384),
      LinearOf("Linear 768 x 128 to 65", 768, 128, 65),
      LinearOf("Linear 128 x 784 to 512", 128, 784, 512),
      LinearOf("Linear 128 x 512 to 10", 128, 512, 10),
      LinearOf("Linear 512 x 300 to 2", 512, 300, 2),
  };
}

DType FloatingDType(const std::string& name) {
  for (const DType dtype : {DType::kF64, DType::kBF16, DType::kF16}) {
    if (name == Name(dtype)) return dtype;
  }
  return DType::kF32;
}

bool Matches(const Case& c, const std::string& text) {
  return std::string(c.name).find(text) != std::string::npos;
}

struct TimingOptions {
  std::string filter;
  std::string dtype = "f32";
  int samples = 15;
  double sample_ms = 4;
  bool json = false;
};

/// The median time of a call, in microseconds: a sample is so many calls that it takes sample_ms.
double MedianUs(const std::function<void()>& call, const std::function<void()>& finish,
                const TimingOptions& options) {
  const auto time_us = [&](int64_t calls) {
    finish();
    const Clock::time_point start = Clock::now();
    for (int64_t i = 0; i < calls; ++i) call();
    finish();
    return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
  };
  time_us(3);
  int64_t calls = 1;
  double took = time_us(calls);
  while (took < 1e3 * options.sample_ms) {
    calls = std::max(calls + 1, static_cast<int64_t>(static_cast<double>(calls) * 1.2 * 1e3 *
                                                     options.sample_ms / std::max(took, 1.0)));
    took = time_us(calls);
  }
  std::vector<double> samples;
  for (int i = 0; i < options.samples; ++i) {
    samples.push_back(time_us(calls) / static_cast<double>(calls));
  }
  return Median(samples);
}

void TimeCases(const Worker& worker, const TimingOptions& options) {
  const Device device = worker.device();
  Backend& backend = GetBackend(device.type);
  const auto finish = [&] { backend.Synchronize(device); };
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  if (!options.json)
    fmt::print("{:36} {:>12} {:>22}\n", "operator", "forward, us", "with backward, us");
  for (const Case& c : Cases()) {
    if (!Matches(c, options.filter)) continue;
    Inputs inputs(FloatingDType(options.dtype), device);
    const Op op = c.make(inputs);
    const auto forward = [&] {
      const NoGrad no_grad;
      op();
    };
    const Tensor seed = Tensor::Full(op().shape(), 0.5, {op().dtype(), device});
    const auto both = [&] {
      Backward(op(), {.seed = seed});
      for (const Tensor& leaf : inputs.leaves()) ConsumeGrad(leaf);
    };
    const double forward_us = MedianUs(forward, finish, options);
    const double both_us = MedianUs(both, finish, options);
    if (options.json) {
      rows.push_back({{"operator", c.name},
                      {"dtype", options.dtype},
                      {"forward_us", forward_us},
                      {"with_backward_us", both_us}});
    } else {
      fmt::print("{:36} {:>12.1f} {:>22.1f}\n", c.name, forward_us, both_us);
      std::fflush(stdout);
    }
  }
  if (options.json) fmt::print("{}\n", rows.dump(1));
}

}  // namespace
}  // namespace convoy::bench

int main(int argc, char** argv) {
  CLI::App app("Times single operators, forward alone and with backward, on one device.");
  convoy::LaunchOptions launch{.workers = 1, .threads = 1, .device = "cpu"};
  convoy::bench::TimingOptions options;
  app.add_option("--only", options.filter, "Those whose name has this text, such as Softmax");
  app.add_option("--dtype", options.dtype, "Of the inputs: f32, f64, bf16 or f16")
      ->check(CLI::IsMember({"f32", "f64", "bf16", "f16"}));
  app.add_option("--samples", options.samples, "Times measured, of which the median counts")
      ->check(CLI::Range(1, 1000));
  app.add_option("--sample-ms", options.sample_ms, "Milliseconds of each, at least")
      ->check(CLI::Range(0.1, 1e4));
  app.add_flag("--json", options.json, "Print the result as a JSON array");
  app.add_option("--device", launch.device, "cpu, or cuda: the first GPU")
      ->check(CLI::IsMember({"cpu", "cuda"}));
  app.add_option("--threads", launch.threads, "CPU threads")->check(CLI::Range(1, 1024));
  return convoy::RunProgram(app, argc, argv, "op_time", [&] {
    const std::vector<convoy::bench::Case> cases = convoy::bench::Cases();
    convoy::CheckUsage(
        std::any_of(cases.begin(), cases.end(),
                    [&](const auto& c) { return convoy::bench::Matches(c, options.filter); }),
        "[--only] no operator's name has the text '{}'; without the flag all are listed",
        options.filter);
    return convoy::Launch(launch, [&](convoy::Worker& w) { convoy::bench::TimeCases(w, options); });
  });
}
