// What tools/allreduce prints, in the form of nccl-tests, and its rows as JSON.
#pragma once

#include <string>
#include <vector>

#include "tools/collectives/measure.h"
#include "tools/collectives/options.h"
#include "tools/collectives/places.h"

namespace convoy::collectives {

/// One measurement's output: lines that start with # around a row for each size.
class CollectiveReport {
 public:
  CollectiveReport(const CollectiveBenchOptions& options, const std::string& transport, int workers)
      : options_(options), transport_(transport), workers_(workers) {}

  /// All that comes before the rows.
  std::string Header(const std::vector<WorkerPlace>& places) const;
  /// The next row: in GB/s, 1e9 bytes a second, and microseconds.
  std::string Row(const CollectiveTime& time);
  /// All that comes after them.
  std::string Closing() const;

  /// The rows as a list of objects.
  std::string Json() const;
  /// Elements that were wrong, of all rows.
  int64_t wrong() const;

 private:
  double BusBandwidth(const CollectiveTime& time) const;

  const CollectiveBenchOptions options_;
  const std::string transport_;
  const int workers_;
  std::vector<CollectiveTime> rows_;
};

}  // namespace convoy::collectives
