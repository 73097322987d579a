// tools/allreduce, run by a test, and what it printed.
#pragma once

#include <catch2/catch.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tests/models/trainers/subprocess.h"

namespace convoy::collectives {

/// A row of the table.
struct PrintedRow {
  int64_t size = 0, count = 0;
  std::string type, redop;
  int root = 0;
  double time_us = 0, algbw = 0, busbw = 0;
  std::string wrong;
};

inline std::vector<std::string> AllReduceCommand(const std::vector<std::string>& flags) {
  std::vector<std::string> command{"tools/collectives/allreduce", "--threads", "1"};
  command.insert(command.end(), flags.begin(), flags.end());
  return command;
}

/// The rows in what a run printed. Lines may start with "[0] ", as tools/launch prints them.
inline std::vector<PrintedRow> RowsOf(const std::string& out) {
  std::vector<PrintedRow> rows;
  std::istringstream lines(out);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("[0] ")) line.erase(0, 4);
    if (line.starts_with("#")) continue;
    std::istringstream fields(line);
    PrintedRow row;
    fields >> row.size >> row.count >> row.type >> row.redop >> row.root >> row.time_us >>
        row.algbw >> row.busbw >> row.wrong;
    if (fields) rows.push_back(row);
  }
  return rows;
}

/// Whether a run ended well, with `count` rows that are right and add up.
inline void CheckRows(const ProcessResult& result, size_t count, double bus_factor) {
  INFO(result.out << result.err);
  CHECK(result.status == 0);
  CHECK_THAT(result.out, Catch::Contains("# Out of bounds values : 0 OK\n") &&
                             Catch::Contains("# Avg bus bandwidth    : "));
  const std::vector<PrintedRow> rows = RowsOf(result.out);
  REQUIRE(rows.size() == count);
  for (const PrintedRow& row : rows) {
    CHECK(row.wrong == "0");
    CHECK(row.time_us > 0);
    // To the four decimals that are printed of slow links. In busbw a factor of up to 2 enlarges
    // what algbw was rounded by.
    CHECK(row.algbw ==
          Approx(static_cast<double>(row.size) / row.time_us / 1e3).epsilon(0.01).margin(0.0001));
    CHECK(row.busbw == Approx(row.algbw * bus_factor).epsilon(0.01).margin(0.0002));
  }
}

}  // namespace convoy::collectives
