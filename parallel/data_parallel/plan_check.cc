// Whether all workers have planned the same buckets of the same parameters.
#include "parallel/data_parallel/plan_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <map>
#include <vector>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/tensor.h"
#include "parallel/data_parallel/gather.h"

namespace convoy {
namespace {

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

struct Difference {
  size_t at = std::numeric_limits<size_t>::max();  // parameter of worker 0's plan
  size_t worker = 0;
  std::string text;

  void Offer(size_t i, size_t r, const std::string& what) {
    if (i < at) *this = {i, r, what};
  }
};

std::string Describe(const Line& line) { return fmt::format("{} {}", line.shape, line.dtype); }

// A parameter that another worker has with another shape or dtype.
Difference DifferentKind(const std::vector<std::vector<Line>>& plans) {
  Difference first;
  for (size_t r = 1; r < plans.size(); ++r) {
    std::map<std::string, const Line*> by_name;
    for (const Line& line : plans[r]) by_name[line.name] = &line;
    for (size_t i = 0; i < plans[0].size(); ++i) {
      const Line& a = plans[0][i];
      const auto b = by_name.find(a.name);
      if (b == by_name.end() || Describe(a) == Describe(*b->second)) continue;
      first.Offer(i, r,
                  fmt::format("{} '{}': worker 0 has {}, worker {} has {}",
                              a.bucket == "buffer" ? a.bucket : "parameter", a.name, Describe(a), r,
                              Describe(*b->second)));
    }
  }
  return first;
}

std::string DescribeAt(const std::vector<Line>& plan, size_t i) {
  if (i >= plan.size()) return fmt::format("only {} parameters", plan.size());
  return fmt::format("'{}' {}", plan[i].name, Describe(plan[i]));
}

// A place in the plan where another worker has another parameter, or puts it in another bucket.
Difference DifferentPlace(const std::vector<std::vector<Line>>& plans) {
  Difference first;
  const std::vector<Line>& mine = plans[0];
  for (size_t r = 1; r < plans.size(); ++r) {
    const std::vector<Line>& theirs = plans[r];
    const size_t i = static_cast<size_t>(
        std::mismatch(mine.begin(), mine.end(), theirs.begin(), theirs.end()).first - mine.begin());
    if (i == mine.size() && i == theirs.size()) continue;
    if (i < mine.size() && i < theirs.size() && mine[i].name == theirs[i].name) {
      first.Offer(i, r,
                  fmt::format("the bucket of parameter '{}': {} on worker 0, {} on worker {}; give "
                              "all workers the same BucketOptions",
                              mine[i].name, mine[i].bucket, theirs[i].bucket, r));
    } else {
      first.Offer(i, r,
                  fmt::format("the parameters (last first, number {}): worker 0 has {}, worker {} "
                              "has {}",
                              i + 1, DescribeAt(mine, i), r, DescribeAt(theirs, i)));
    }
  }
  return first;
}

}  // namespace

void CheckSamePlan(Worker& worker, const std::string& description) {
  const std::vector<int64_t> hashes =
      Gather<int64_t>(worker, {std::bit_cast<int64_t>(FnvHash(description))});
  if (std::all_of(hashes.begin(), hashes.end(), [&](int64_t h) { return h == hashes[0]; })) return;

  const std::vector<std::vector<Line>> plans = GatherPlans(worker, description);
  Difference difference = DifferentKind(plans);
  if (difference.text.empty()) difference = DifferentPlace(plans);
  Fail("[DataParallel] workers disagree on {}", difference.text);
}

}  // namespace convoy
