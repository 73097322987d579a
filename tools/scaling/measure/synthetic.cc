// A model whose layers sleep for set times instead of computing.
#include "tools/scaling/measure/synthetic.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cmath>
#include <numeric>
#include <string_view>
#include <thread>

#include "core/autograd.h"
#include "core/base/error.h"

namespace convoy::scaling {
namespace {

using Clock = std::chrono::steady_clock;

// Sleeps for one time after the other. Being woken late shortens the next sleep.
class Sleeper {
 public:
  void Sleep(double ms) {
    const Clock::time_point now = Clock::now();
    if (now - due_ > kLate) due_ = now;
    due_ +=
        std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double, std::milli>(ms));
    std::this_thread::sleep_until(due_);
  }

 private:
  // A longer delay is not a late wake-up: the worker has done something else in between.
  static constexpr std::chrono::microseconds kLate{500};
  Clock::time_point due_;
};

Tensor Sleep(const Tensor& x, const Tensor& weight, const SyntheticLayer& layer,
             const std::shared_ptr<Sleeper>& sleeper) {
  sleeper->Sleep(layer.forward_ms);
  return Record("SyntheticLayer", Tensor::Zeros({}, x.options()), {x, weight},
                [sleeper, ms = layer.backward_ms](BackwardPass& pass) {
                  sleeper->Sleep(ms);
                  if (pass.Needs(1)) pass.Target(1);  // the gradient stays zero
                  if (pass.Needs(0)) pass.Pass(0, pass.grad());
                });
}

class SyntheticWorkload final : public Workload {
 public:
  SyntheticWorkload(const std::vector<SyntheticLayer>& layers, const Worker& worker)
      : layers_(layers), x_(Tensor::Zeros({}, {DType::kF32, worker.device()})) {
    for (const SyntheticLayer& layer : layers_) {
      Tensor weight = Tensor::Zeros({layer.parameters}, x_.options());
      weight.SetRequiresGrad();
      weights_.push_back({fmt::format("layers.{}", weights_.size()), weight});
    }
  }

  std::string Describe() const override {
    const auto sum = [&](auto of) {
      return std::accumulate(layers_.begin(), layers_.end(), 0.0,
                             [&](double s, const SyntheticLayer& l) { return s + of(l); });
    };
    return fmt::format("synthetic, {} layers, {:g} M parameters, forward {:g} ms, backward {:g} ms",
                       layers_.size(), sum([](const auto& l) { return l.parameters; }) / 1e6,
                       sum([](const auto& l) { return l.forward_ms; }),
                       sum([](const auto& l) { return l.backward_ms; }));
  }
  ParameterList Parameters() override { return weights_; }
  Tensor Loss() override {
    Tensor x = x_;
    for (size_t i = 0; i < layers_.size(); ++i) {
      x = Sleep(x, weights_[i].tensor, layers_[i], sleeper_);
    }
    return x;
  }
  std::unique_ptr<Optimizer> MakeOptimizer(const FlatParameters&) const override { return nullptr; }
  int64_t batch() const override { return 1; }
  bool uses_cores() const override { return false; }

 private:
  const std::vector<SyntheticLayer> layers_;
  const Tensor x_;
  ParameterList weights_;
  const std::shared_ptr<Sleeper> sleeper_ = std::make_shared<Sleeper>();
};

// Reads a list of layers and keeps its place in the text, for messages.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  std::vector<SyntheticLayer> Layers() {
    std::vector<SyntheticLayer> layers;
    do {
      Group(layers);
    } while (Take(","));
    if (at_ < text_.size()) Expected("a comma or the end");
    return layers;
  }

 private:
  void Group(std::vector<SyntheticLayer>& layers) {
    constexpr double kMost = 100000;
    const size_t start = at_;
    double count = Number("a number of layers or of parameters");
    if (Take("x")) {
      if (count < 1 || count > kMost || count != std::floor(count)) {
        at_ = start;
        Expected("a whole number of layers from 1 to 100000");
      }
    } else {
      count = 1;
      at_ = start;
    }
    const size_t parameters_at = at_;
    double parameters = Number("a number of parameters");
    if (Take("k"))
      parameters *= 1e3;
    else if (Take("M"))
      parameters *= 1e6;
    else if (Take("G"))
      parameters *= 1e9;
    if (parameters < 1 || parameters > 1e12) {
      at_ = parameters_at;
      Expected("1 to 1000G parameters");
    }
    if (!Take(":")) Expected("':' and the time of backward");
    SyntheticLayer layer{.parameters = std::llround(parameters)};
    layer.backward_ms = Time();
    layer.forward_ms = Take(":") ? Time() : layer.backward_ms / 2;
    if (layers.size() + static_cast<size_t>(count) > static_cast<size_t>(kMost)) {
      Expected("at most 100000 layers in all");
    }
    layers.insert(layers.end(), static_cast<size_t>(count), layer);
  }

  double Time() {
    const size_t start = at_;
    double ms = Number("a time");
    if (Take("us"))
      ms /= 1e3;
    else if (!Take("ms") && Take("s"))
      ms *= 1e3;
    if (ms < 0 || ms > 3.6e6) {
      at_ = start;
      Expected("a time from 0 to 3600s");
    }
    return ms;
  }

  double Number(const char* what) {
    double value = 0;
    const char* const begin = text_.data() + at_;
    const auto [end, error] =
        std::from_chars(begin, text_.data() + text_.size(), value, std::chars_format::fixed);
    if (error != std::errc() || !std::isfinite(value)) Expected(what);
    at_ += static_cast<size_t>(end - begin);
    return value;
  }
  bool Take(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }
  [[noreturn]] void Expected(const char* what) const {
    Fail(
        "[--layers] '{}': at character {}, expected {}, found {}; a list is "
        "[COUNTx]PARAMETERS:BACKWARD[:FORWARD], ..., as in 12x1.5M:4ms,1x10M:8ms:2ms",
        text_, at_ + 1, what,
        at_ < text_.size() ? fmt::format("'{}'", text_.substr(at_, 12)) : "the end");
  }

  const std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

std::vector<SyntheticLayer> ParseSyntheticLayers(const std::string& text) {
  return Parser(text).Layers();
}

std::unique_ptr<Workload> MakeSynthetic(const std::vector<SyntheticLayer>& layers,
                                        const Worker& worker) {
  CONVOY_CHECK(worker.device().is_cpu(),
               "[synthetic] its layers sleep on the host, which a GPU does not wait for: give "
               "--device cpu");
  return std::make_unique<SyntheticWorkload>(layers, worker);
}

}  // namespace convoy::scaling
