// The file that --timeline writes, as tests look at it.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/json.h"

namespace convoy {

struct TimelineEvents {
  std::vector<nlohmann::json> spans;                ///< "X", in the file's order
  std::set<std::string> names;                      ///< of spans
  std::map<std::pair<int, int>, std::string> rows;  ///< names of (process, thread)
  std::map<int, std::string> processes;
};

/// Reads a file, which must be one whole JSON array whose spans nest within each row.
inline TimelineEvents ReadTimeline(const std::string& path) {
  TimelineEvents events;
  std::map<std::pair<int, int>, std::vector<std::pair<double, double>>> rows;
  for (const nlohmann::json& event : ReadJson(path)) {
    const int pid = event["pid"];
    if (event["name"] == "process_name") events.processes[pid] = event["args"]["name"];
    if (event["name"] == "thread_name") events.rows[{pid, event["tid"]}] = event["args"]["name"];
    if (event["ph"] != "X") continue;
    events.spans.push_back(event);
    events.names.insert(event["name"].get<std::string>());
    const double begin = event["ts"];
    rows[{pid, event["tid"]}].push_back({begin, begin + event["dur"].get<double>()});
  }
  for (auto& [row, spans] : rows) {
    std::sort(spans.begin(), spans.end(), [](const auto& a, const auto& b) {
      return a.first != b.first ? a.first < b.first : a.second > b.second;
    });
    std::vector<double> open;  // the ends of spans that are not over
    for (const auto& [begin, end] : spans) {
      while (!open.empty() && open.back() <= begin + 0.002) open.pop_back();
      if (!open.empty()) CHECK(end <= open.back() + 0.002);
      open.push_back(end);
    }
  }
  return events;
}

/// When worker `rank`'s span of this name begins first, in microseconds.
inline double BeginOf(const TimelineEvents& events, int rank, const std::string& name) {
  for (const nlohmann::json& span : events.spans) {
    if (span["pid"] == rank && span["name"] == name) return span["ts"];
  }
  FAIL("no span " << name << " of worker " << rank);
  return 0;
}

}  // namespace convoy
