// Data whose collective is known, exactly, in every dtype.
#include "tools/collectives/known_data.h"

#include <algorithm>
#include <type_traits>

#include "core/base/error.h"
#include "core/base/hash.h"

namespace convoy::collectives {
namespace {

constexpr size_t kPeriod = 4099;
// Of the numbers that workers put in.
constexpr int64_t kMost = 96;

// Up to here every whole number has a value of its own; for u8, 255 is kept for FillOutput.
int64_t GreatestExact(DType dtype) {
  switch (dtype) {
    case DType::kU8:
      return 254;
    case DType::kBF16:
      return 256;
    case DType::kF16:
      return 2048;
    default:
      return 1 << 24;
  }
}

int32_t Reduce(ReduceOp op, int32_t a, int32_t b) {
  switch (op) {
    case ReduceOp::kMax:
      return std::max(a, b);
    case ReduceOp::kMin:
      return std::min(a, b);
    default:
      return a + b;
  }
}

template <typename T>
T To(int32_t value) {
  if constexpr (std::is_same_v<ComputeType<T>, float>) return T(static_cast<float>(value));
  return static_cast<T>(value);
}

template <typename T>
bool Same(T a, T b) {
  if constexpr (std::is_same_v<T, ComputeType<T>>)
    return a == b;
  else
    return a.bits == b.bits;
}

template <typename T>
std::vector<T> Converted(const std::vector<int32_t>& row) {
  std::vector<T> values;
  for (const int32_t value : row) values.push_back(To<T>(value));
  return values;
}

}  // namespace

KnownData::KnownData(const Options& options) : options_(options) {
  int64_t most = kMost;
  if (options.op == ReduceOp::kSum) {
    const int64_t exact = GreatestExact(options.dtype);
    CONVOY_CHECK(options.workers <= exact,
                 "[allreduce] sums over {} workers cannot be checked in {}: above {} they are not "
                 "exact; give another datatype (-d), or -c 0",
                 options.workers, Name(options.dtype), exact);
    most = std::min(most, exact / options.workers);
  }
  for (int rank = 0; rank < options.workers; ++rank) {
    Row row(kPeriod);
    for (size_t i = 0; i < kPeriod; ++i) {
      const uint64_t key = static_cast<uint64_t>(rank) * kPeriod + i + 1;
      row[i] = static_cast<int32_t>(MixBits(key * 0x9e3779b97f4a7c15u) %
                                    static_cast<uint64_t>(most + 1));
    }
    if (rank == 0) reduced_ = row;
    for (size_t i = 0; rank > 0 && i < kPeriod; ++i) {
      reduced_[i] = Reduce(options.op, reduced_[i], row[i]);
    }
    inputs_.push_back(std::move(row));
  }
  if (options.average) MakeSumsMultiples();
}

// Pairs of workers take m + d and m - d where they had a and b: their mean m is the same for all.
void KnownData::MakeSumsMultiples() {
  const size_t workers = inputs_.size();
  for (size_t i = 0; i < kPeriod; ++i) {
    const int32_t mean = inputs_[0][i];
    for (size_t rank = 0; rank < workers; ++rank) {
      const bool paired = rank % 2 == 1 || rank + 1 < workers;
      const int32_t apart = paired ? inputs_[rank | 1][i] % (mean + 1) : 0;
      inputs_[rank][i] = rank % 2 == 0 ? mean + apart : mean - apart;
    }
    reduced_[i] = mean;
  }
}

void KnownData::FillInput(int rank, const Tensor& input) const {
  DispatchAll(options_.dtype, [&]<typename T>(T) {
    const std::vector<T> row = Converted<T>(inputs_[static_cast<size_t>(rank)]);
    const Tensor host =
        input.device().is_cpu() ? input : Tensor::Empty(input.shape(), {input.dtype(), {}});
    T* const to = host.data<T>();
    const int64_t numel = host.numel(), period = static_cast<int64_t>(kPeriod);
    for (int64_t at = 0; at < numel; at += period) {
      std::copy_n(row.begin(), std::min(period, numel - at), to + at);
    }
    if (!host.Is(input)) input.CopyFrom(host);
  });
}

void KnownData::FillOutput(const Tensor& output) const {
  const double never = output.dtype() == DType::kU8 ? 255 : -1;
  GetBackend(output.device().type)
      .Fill(output.device(), output.raw_data(), output.dtype(), never, output.numel());
}

std::vector<KnownData::Stretch> KnownData::Expected(int rank, int64_t numel) const {
  const int64_t part = numel / options_.workers;
  std::vector<Stretch> stretches;
  switch (options_.kind) {
    case CollectiveKind::kAllReduce:
      return {{&reduced_, 0, numel}};
    case CollectiveKind::kReduceScatter:
      return {{&reduced_, numel * rank, numel}};
    case CollectiveKind::kBroadcast:
      return {{&inputs_[static_cast<size_t>(options_.root)], 0, numel}};
    case CollectiveKind::kAllGather:
      for (const Row& row : inputs_) stretches.push_back({&row, 0, part});
      return stretches;
    case CollectiveKind::kAllToAll:
      for (const Row& row : inputs_) stretches.push_back({&row, part * rank, part});
      return stretches;
    default:
      Fail("[allreduce] {} is not checked", Name(options_.kind));
  }
}

int64_t KnownData::CountWrong(int rank, const Tensor& output) const {
  const Tensor host = output.device().is_cpu() ? output : output.To({});
  return DispatchAll(options_.dtype, [&]<typename T>(T) {
    const T* at = host.data<T>();
    int64_t wrong = 0;
    for (const Stretch& stretch : Expected(rank, host.numel())) {
      const std::vector<T> row = Converted<T>(*stretch.row);
      size_t place = static_cast<size_t>(stretch.first) % kPeriod;
      for (int64_t i = 0; i < stretch.count; ++i, ++at) {
        wrong += Same(*at, row[place]) ? 0 : 1;
        if (++place == kPeriod) place = 0;
      }
    }
    return wrong;
  });
}

}  // namespace convoy::collectives
