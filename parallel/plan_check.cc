// Whether all workers have planned the same buckets of the same parameters.
#include "parallel/plan_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <vector>

#include "core/error.h"
#include "core/tensor.h"

namespace convoy {
namespace {

// FNV-1a, 64 bits.
uint64_t Hash(const std::string& text) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text) {
    hash ^= static_cast<uint8_t>(c);
    hash *= 0x100000001b3u;
  }
  return hash;
}

template <typename T>
std::vector<T> Gather(Worker& worker, const std::vector<T>& mine) {
  const int64_t n = static_cast<int64_t>(mine.size());
  const Tensor input = Tensor::From<T>({n}, mine, worker.device());
  const Tensor output = Tensor::Empty({n * worker.world_size()}, input.options());
  worker.group().AllGather(input, output).Wait();
  return output.ToVector<T>();
}

struct Line {
  std::string name;
  std::string shape;
  std::string dtype;
  std::string bucket;

  bool operator==(const Line&) const = default;
};

// Reads "name shape dtype bucket"; a name may contain blanks, a shape starts with the last '('.
Line ReadLine(const std::string& text) {
  const size_t bucket = text.rfind(' ');
  const size_t dtype = text.rfind(' ', bucket - 1);
  const size_t shape = text.rfind(" (", dtype - 1);
  return {text.substr(0, shape), text.substr(shape + 1, dtype - shape - 1),
          text.substr(dtype + 1, bucket - dtype - 1), text.substr(bucket + 1)};
}

std::vector<Line> ReadLines(const char* begin, const char* end) {
  std::vector<Line> lines;
  while (begin < end) {
    const char* stop = std::find(begin, end, '\n');
    lines.push_back(ReadLine(std::string(begin, stop)));
    begin = stop + 1;
  }
  return lines;
}

// Every worker's plan.
std::vector<std::vector<Line>> GatherPlans(Worker& worker, const std::string& description) {
  const std::vector<int64_t> lengths =
      Gather<int64_t>(worker, {static_cast<int64_t>(description.size())});
  const size_t longest = static_cast<size_t>(*std::max_element(lengths.begin(), lengths.end()));
  std::vector<uint8_t> padded(description.begin(), description.end());
  padded.resize(longest);
  const std::vector<uint8_t> texts = Gather(worker, padded);
  std::vector<std::vector<Line>> plans;
  for (size_t r = 0; r < lengths.size(); ++r) {
    const char* begin = reinterpret_cast<const char*>(texts.data()) + r * longest;
    plans.push_back(ReadLines(begin, begin + lengths[r]));
  }
  return plans;
}

std::string Describe(const Line& line) { return fmt::format("{} {}", line.shape, line.dtype); }

std::string DescribeMissing(const std::vector<Line>& lines, size_t i) {
  if (i >= lines.size()) return fmt::format("only {} parameters", lines.size());
  return fmt::format("'{}' {}", lines[i].name, Describe(lines[i]));
}

// What worker 0 and worker `other`, whose plans differ at parameter `i`, disagree on.
std::string Explain(const std::vector<Line>& mine, const std::vector<Line>& theirs, size_t i,
                    size_t other) {
  if (i >= mine.size() || i >= theirs.size() || mine[i].name != theirs[i].name) {
    return fmt::format("the parameters (last first, number {}): worker 0 has {}, worker {} has {}",
                       i + 1, DescribeMissing(mine, i), other, DescribeMissing(theirs, i));
  }
  const Line& a = mine[i];
  const Line& b = theirs[i];
  if (a.shape != b.shape || a.dtype != b.dtype) {
    return fmt::format("parameter '{}': worker 0 has {}, worker {} has {}", a.name, Describe(a),
                       other, Describe(b));
  }
  return fmt::format(
      "the bucket of parameter '{}': {} on worker 0, {} on worker {}; give all "
      "workers the same BucketOptions",
      a.name, a.bucket, b.bucket, other);
}

}  // namespace

void CheckSamePlan(Worker& worker, const std::string& description) {
  const std::vector<int64_t> hashes =
      Gather<int64_t>(worker, {std::bit_cast<int64_t>(Hash(description))});
  if (std::all_of(hashes.begin(), hashes.end(), [&](int64_t h) { return h == hashes[0]; })) return;

  const std::vector<std::vector<Line>> plans = GatherPlans(worker, description);
  size_t first = plans[0].size() + 1;  // parameter at which a worker differs from worker 0
  size_t other = 0;
  for (size_t r = 1; r < plans.size(); ++r) {
    const auto [a, b] =
        std::mismatch(plans[0].begin(), plans[0].end(), plans[r].begin(), plans[r].end());
    const size_t at = static_cast<size_t>(a - plans[0].begin());
    if (at < first && (a != plans[0].end() || b != plans[r].end())) {
      first = at;
      other = r;
    }
  }
  Fail("[DataParallel] workers disagree on {}", Explain(plans[0], plans[other], first, other));
}

}  // namespace convoy
