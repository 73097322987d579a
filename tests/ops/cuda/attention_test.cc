// Attention on a GPU against the CPU: sizes that fill no tile, all dtypes, packed or apart,
// gradients written and added to.
#include "ops/attention.h"

#include <catch2/catch.hpp>
#include <utility>
#include <vector>

#include "core/autograd.h"
#include "core/tensor.h"
#include "ops/attention_settings.h"
#include "tests/gpu.h"
#include "tests/ops/cuda/helpers.h"
#if defined(CONVOY_SIM)
#include "tests/sim/cudnn_sdpa.h"
#endif

namespace convoy {
namespace {

const Device kGpu = Device::Cuda(0);
unsigned seed = 11;

Tensor Random(const Shape& shape, DType dtype) { return RandomValues(shape, dtype, seed++); }

// Forward, and backward `passes` times into the same gradients.
Result Attend(const std::vector<Tensor>& host_inputs, const Tensor& host_dout,
              const AttentionOptions& options, Device device, int passes) {
  std::vector<Tensor> inputs;
  for (const Tensor& input : host_inputs) {
    inputs.push_back(input.To(device).Clone());
    inputs.back().SetRequiresGrad();
  }
  Result result;
  for (int pass = 0; pass < passes; ++pass) {
    const Tensor out = inputs.size() == 1 ? Attention(inputs[0], options)
                                          : Attention(inputs[0], inputs[1], inputs[2], options);
    BackwardOptions backward;
    backward.seed = host_dout.To(device);
    Backward(out, backward);
    result.output = out.Detach().To(Device::Cpu());
  }
  for (const Tensor& input : inputs) result.grads.push_back(input.grad().To(Device::Cpu()));
  return result;
}

// A gradient through softmax is a difference of sums that may be much larger than it.
double Allowed(DType dtype) { return dtype == DType::kF32 ? 1e-4 : AllowedError(dtype); }

Result AttendInF64(const std::vector<Tensor>& inputs, const Tensor& dout,
                   const AttentionOptions& options, int passes) {
  std::vector<Tensor> wide;
  for (const Tensor& input : inputs) wide.push_back(Convert(input, DType::kF64));
  return Attend(wide, Convert(dout, DType::kF64), options, Device::Cpu(), passes);
}

void Check(const std::vector<Tensor>& inputs, const Tensor& dout, const AttentionOptions& options,
           int passes = 1) {
  const Result gpu = Attend(inputs, dout, options, kGpu, passes);
  const Result cpu = AttendInF64(inputs, dout, options, passes);
  CHECK(Difference(gpu, cpu, Allowed(dout.dtype())) == "");
  CHECK(BitDifference(Attend(inputs, dout, options, kGpu, passes), gpu) == "");
}

void CheckPacked(int64_t b, int64_t t, int64_t h, int64_t d, DType dtype, bool causal,
                 int passes = 1) {
  CAPTURE(b, t, h, d, Name(dtype), causal, passes);
  Check({Random({b, t, 3, h, d}, dtype)}, Random({b, t, h, d}, dtype), {.causal = causal}, passes);
}

constexpr DType kDTypes[] = {DType::kF32, DType::kF64, DType::kBF16, DType::kF16};

TEST_CASE("Attention on a GPU: sequences shorter than a tile, of several tiles, and between") {
  CONVOY_NEED_GPUS(1);
  for (const DType dtype : kDTypes) {
    for (const bool causal : {false, true}) {
      CheckPacked(2, 1, 2, 8, dtype, causal);
      CheckPacked(1, 5, 3, 16, dtype, causal);
      CheckPacked(1, 64, 1, 16, dtype, causal);
      CheckPacked(2, 67, 2, 12, dtype, causal);
      CheckPacked(1, 130, 1, 20, dtype, causal);
    }
  }
}

TEST_CASE("Attention on a GPU: heads of any number of dimensions up to 256") {
  CONVOY_NEED_GPUS(1);
  for (const DType dtype : kDTypes) {
    for (const int64_t d : {1, 3, 7, 31, 64, 65, 100, 128, 129, 250, 256})
      CheckPacked(1, 35, 2, d, dtype, true);
  }
  const Tensor wide = Tensor::Zeros({1, 2, 3, 1, 257}, {DType::kF32, kGpu});
  CHECK_THROWS_WITH(Attention(wide), Catch::Contains("[Attention]") && Catch::Contains("256") &&
                                         Catch::Contains("257"));
}

TEST_CASE("Attention on a GPU: gradients of several passes add up") {
  CONVOY_NEED_GPUS(1);
  for (const DType dtype : kDTypes) CheckPacked(1, 21, 2, 10, dtype, true, 2);
}

TEST_CASE("Attention on a GPU: queries, keys and values apart, of different lengths") {
  CONVOY_NEED_GPUS(1);
  for (const DType dtype : kDTypes) {
    for (const auto& [tq, tk] : {std::pair<int64_t, int64_t>{9, 33}, {70, 1}, {1, 70}, {65, 66}}) {
      CAPTURE(tq, tk, Name(dtype));
      const Tensor k = Random({2, tk, 2, 9}, dtype), v = Random({2, tk, 2, 9}, dtype);
      Check({Random({2, tq, 2, 9}, dtype), k, v}, Random({2, tq, 2, 9}, dtype), {.scale = 0.7});
    }
  }
}

TEST_CASE("Attention on a GPU: one tensor as two or all of queries, keys and values") {
  CONVOY_NEED_GPUS(1);
  const Tensor host = Random({1, 6, 2, 4}, DType::kF32),
               host_other = Random({1, 6, 2, 4}, DType::kF32);
  for (int other_at = 0; other_at < 4; ++other_at) {  // 3: nowhere
    CAPTURE(other_at);
    const auto gradient = [&](Device device) {
      Tensor x = host.To(device).Clone();
      const Tensor other = host_other.To(device);
      x.SetRequiresGrad();
      BackwardOptions backward;
      backward.seed = Tensor::Full(x.shape(), 1, x.options());
      const auto argument = [&](int i) { return i == other_at ? other : x; };
      Backward(Attention(argument(0), argument(1), argument(2)), backward);
      return x.grad().To(Device::Cpu());
    };
    CHECK(Difference(gradient(kGpu), gradient(Device::Cpu()), Allowed(DType::kF32)) == "");
  }
}

TEST_CASE("Attention on a GPU: only the gradients that are wanted") {
  CONVOY_NEED_GPUS(1);
  for (int wanted = 0; wanted < 3; ++wanted) {
    std::vector<Tensor> x(3), y(3);
    for (int i = 0; i < 3; ++i) {
      x[i] = Random({1, 19, 1, 6}, DType::kF32);
      y[i] = x[i].To(kGpu).Clone();
    }
    x[wanted].SetRequiresGrad();
    y[wanted].SetRequiresGrad();
    const Tensor dout = Random({1, 19, 1, 6}, DType::kF32);
    BackwardOptions cpu, gpu;
    cpu.seed = dout, gpu.seed = dout.To(kGpu);
    Backward(Attention(x[0], x[1], x[2], {.causal = true}), cpu);
    Backward(Attention(y[0], y[1], y[2], {.causal = true}), gpu);
    CHECK(Difference(y[wanted].grad(), x[wanted].grad(), Allowed(DType::kF32)) == "");
  }
}

TEST_CASE("Attention on a GPU: nothing to attend to, nobody to attend") {
  CONVOY_NEED_GPUS(1);
  const Tensor none = Random({2, 0, 1, 4}, DType::kF32), some = Random({2, 3, 1, 4}, DType::kF32);
  Check({some, none, none}, Random({2, 3, 1, 4}, DType::kF32), {});
  Check({none, some, some}, none, {});
  CheckPacked(0, 4, 2, 4, DType::kF32, true);
}

TEST_CASE("Attention on a GPU: large scores") {
  CONVOY_NEED_GPUS(1);
  Check({Random({1, 40, 3, 1, 8}, DType::kF64)}, Random({1, 40, 1, 8}, DType::kF64),
        {.causal = true, .scale = 300});
}

struct SettingsScope {
  AttentionSettings before = GetAttentionSettings();
  ~SettingsScope() { SetAttentionSettings(before); }
};

TEST_CASE("Attention on a GPU says who computed it, and cuDNN can be turned off") {
  CONVOY_NEED_GPUS(1);
  const SettingsScope scope;
  CheckPacked(1, 8, 2, 16, DType::kF32, true);
  CHECK(AttentionEngine() == "own kernels: cuDNN's fused attention wants bf16 or f16");
  SetAttentionSettings({.cudnn = false});
  CheckPacked(1, 8, 2, 16, DType::kBF16, true);
  CHECK(AttentionEngine() == "own kernels: cuDNN is turned off");
}

#if defined(CONVOY_SIM)
TEST_CASE("cuDNN computes what it takes") {
  CONVOY_NEED_GPUS(1);
  for (const DType dtype : {DType::kBF16, DType::kF16}) {
    for (const bool causal : {false, true}) {
      const int64_t forwards = sim::CudnnForwards(), backwards = sim::CudnnBackwards();
      CheckPacked(2, 19, 3, 16, dtype, causal);
      CHECK(sim::CudnnForwards() - forwards == 2);  // Check does everything twice
      CHECK(sim::CudnnBackwards() - backwards == 2);
      CHECK(AttentionEngine() == "cuDNN");
    }
    const Tensor k = Random({2, 9, 2, 24}, dtype), v = Random({2, 9, 2, 24}, dtype);
    Check({Random({2, 5, 2, 24}, dtype), k, v}, Random({2, 5, 2, 24}, dtype), {.scale = 0.3});
    CHECK(AttentionEngine() == "cuDNN");
  }
}

TEST_CASE("A backward of our own follows a forward of cuDNN's, and the other way round") {
  CONVOY_NEED_GPUS(1);
  const int64_t forwards = sim::CudnnForwards(), backwards = sim::CudnnBackwards();
  CheckPacked(1, 33, 2, 8, DType::kBF16, true, 2);  // the second gradients are added
  CHECK(sim::CudnnForwards() - forwards == 4);
  CHECK(sim::CudnnBackwards() - backwards == 2);
  CHECK(AttentionEngine() == "own kernels: gradients are added to others");

  const SettingsScope scope;
  const Tensor qkv = Random({1, 33, 3, 2, 8}, DType::kBF16),
               dout = Random({1, 33, 2, 8}, DType::kBF16);
  const Result want = AttendInF64({qkv}, dout, {.causal = true}, 1);
  Tensor x = qkv.To(kGpu).Clone();
  x.SetRequiresGrad();
  SetAttentionSettings({.cudnn = false});
  const Tensor out = Attention(x, {.causal = true});
  SetAttentionSettings({});
  BackwardOptions backward;
  backward.seed = dout.To(kGpu);
  Backward(out, backward);
  CHECK(AttentionEngine() == "cuDNN");
  CHECK(Difference(x.grad(), want.grads[0], Allowed(DType::kBF16)) == "");
}

TEST_CASE("What cuDNN declines goes to our own kernels") {
  CONVOY_NEED_GPUS(1);
  const int64_t forwards = sim::CudnnForwards();
  CheckPacked(1, 9, 2, 12, DType::kBF16, true);
  CHECK(AttentionEngine() == "own kernels: the head dimension is no multiple of 8");
  sim::SetCudnnMissing("libcudnn.so.9 was not found");
  CheckPacked(1, 9, 2, 16, DType::kBF16, true);
  CHECK(AttentionEngine() == "own kernels: libcudnn.so.9 was not found");
  sim::SetCudnnMissing("");
  CHECK(sim::CudnnForwards() == forwards);
}

TEST_CASE("Tensors that are not aligned to 16 bytes go to our own kernels") {
  CONVOY_NEED_GPUS(1);
  const Shape shape({1, 7, 3, 1, 8});
  const Tensor host = Random(shape, DType::kBF16);
  const Tensor whole = Tensor::Zeros({shape.numel() + 1}, {DType::kBF16, kGpu});
  const Tensor qkv = whole.View(shape, 1);
  qkv.CopyFrom(host);
  const Tensor out = Attention(qkv, {.causal = true});
  CHECK(AttentionEngine() == "own kernels: a tensor is not aligned to 16 bytes");
  CHECK(Difference(out, Attention(host, {.causal = true}), Allowed(DType::kBF16)) == "");
}
#endif

}  // namespace
}  // namespace convoy
