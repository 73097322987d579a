// What tools/allreduce prints, in the form of nccl-tests, and its rows as JSON.
#include "tools/collectives/report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace convoy::collectives {
namespace {

std::string FormatTime(double us) {
  return us >= 10000 ? fmt::format("{:.0f}", us)
         : us >= 100 ? fmt::format("{:.1f}", us)
                     : fmt::format("{:.2f}", us);
}

// Two decimals, as nccl-tests prints them, would leave little of a slow link's.
std::string FormatBandwidth(double gb_per_s) {
  return fmt::format("{:.{}f}", gb_per_s, gb_per_s < 10 ? 4 : gb_per_s < 100 ? 3 : 2);
}

std::string_view RedOpOf(CollectiveKind kind, const CollectiveTime& time) {
  return Reduces(kind) ? RedOpName(time.op, time.average) : "none";
}

// What a row's time is, in words, and its name in JSON.
std::string DescribeTime(const CollectiveBenchOptions& options) {
  const char* statistic = options.median ? "median" : "mean";
  const char* iterations = options.median ? "each" : "all of them";
  switch (options.time_of) {
    case TimeOf::kRank0:
      return fmt::format("{} of the iterations, of worker 0", statistic);
    case TimeOf::kMean:
      return fmt::format("{} of the iterations, mean over all workers", statistic);
    case TimeOf::kFastest:
      return fmt::format("{} of the iterations, of the worker for which {} took shortest",
                         statistic, iterations);
    default:
      return fmt::format("{} of the iterations, of the worker for which {} took longest", statistic,
                         iterations);
  }
}

const char* TimeOfName(TimeOf time_of) {
  switch (time_of) {
    case TimeOf::kRank0:
      return "worker 0";
    case TimeOf::kMean:
      return "mean";
    case TimeOf::kFastest:
      return "fastest";
    default:
      return "slowest";
  }
}

int RootOf(const CollectiveBenchOptions& options) {
  return options.kind == CollectiveKind::kBroadcast ? options.root : -1;
}

const char* PlaceOf(const CollectiveBenchOptions& options) {
  return WorksInPlace(options.kind) ? "in-place" : "out-of-place";
}

}  // namespace

std::string CollectiveReport::Header(const std::vector<WorkerPlace>& places) const {
  const Sweep& sweep = options_.sweep;
  std::string text = fmt::format(
      "# {} over {}, {} worker{}, {} only: Convoy's call has no other form\n"
      "# minBytes {} maxBytes {} step: {}({}) warmup iters: {} iters: {} validation: {}\n"
      "# time: {}{}\n"
      "#\n"
      "# Using devices\n",
      FlagName(options_.kind), transport_, workers_, workers_ == 1 ? "" : "s", PlaceOf(options_),
      sweep.first, sweep.last, sweep.factor > 0 ? sweep.factor : sweep.step,
      sweep.factor > 0 ? "factor" : "bytes", options_.warmup, options_.iterations, options_.checks,
      DescribeTime(options_),
      options_.blocking ? "; after each, all wait for the device and each other" : "");
  for (size_t rank = 0; rank < places.size(); ++rank) {
    const WorkerPlace& place = places[rank];
    text += fmt::format("#  Rank {:>2} Group  0 Pid {:>6} on {:>10} device {:>2} [{}] {}\n", rank,
                        place.pid, place.host, place.index, place.device, place.model);
  }
  return text + fmt::format(
                    "#\n"
                    "#{:>60}{}\n"
                    "# {:>10}  {:>12}  {:>8}  {:>6}  {:>6}  {:>7}  {:>6}  {:>6}  {:>5}\n"
                    "# {:>10}  {:>12}  {:>8}  {:>6}  {:>6}  {:>7}  {:>6}  {:>6}\n",
                    "", PlaceOf(options_), "size", "count", "type", "redop", "root", "time",
                    "algbw", "busbw", "#wrong", "(B)", "(elements)", "", "", "", "(us)", "(GB/s)",
                    "(GB/s)");
}

std::string CollectiveReport::Row(const CollectiveTime& time) {
  rows_.push_back(time);
  return fmt::format("{:>12}  {:>12}  {:>8}  {:>6}  {:>6}  {:>7}  {:>6}  {:>6}  {:>5}\n",
                     time.amount.bytes, time.amount.count, NcclName(time.dtype),
                     RedOpOf(options_.kind, time), RootOf(options_), FormatTime(time.seconds * 1e6),
                     FormatBandwidth(time.algbw()), FormatBandwidth(BusBandwidth(time)),
                     time.wrong ? std::to_string(*time.wrong) : "N/A");
}

std::string CollectiveReport::Closing() const {
  double sum = 0;
  for (const CollectiveTime& row : rows_) sum += BusBandwidth(row);
  const double mean = rows_.empty() ? 0 : sum / static_cast<double>(rows_.size());
  const std::string values = options_.checks == 0
                                 ? "N/A (not checked)"
                                 : fmt::format("{} {}", wrong(), wrong() == 0 ? "OK" : "FAILED");
  return fmt::format(
      "# Out of bounds values : {}\n"
      "# Avg bus bandwidth    : {:.6g}\n"
      "#\n",
      values, mean);
}

std::string CollectiveReport::Json() const {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const CollectiveTime& row : rows_) {
    rows.push_back({{"collective", FlagName(options_.kind)},
                    {"transport", transport_},
                    {"workers", workers_},
                    {"size", row.amount.bytes},
                    {"count", row.amount.count},
                    {"type", NcclName(row.dtype)},
                    {"redop", RedOpOf(options_.kind, row)},
                    {"root", RootOf(options_)},
                    {"place", PlaceOf(options_)},
                    {"statistic", options_.median ? "median" : "mean"},
                    {"time_of", TimeOfName(options_.time_of)},
                    {"blocking", options_.blocking},
                    {"iterations", options_.iterations},
                    {"time_us", row.seconds * 1e6},
                    {"algbw_gb_per_s", row.algbw()},
                    {"busbw_gb_per_s", BusBandwidth(row)},
                    {"wrong", row.wrong ? nlohmann::ordered_json(*row.wrong) : nullptr}});
  }
  return rows.dump(2) + "\n";
}

int64_t CollectiveReport::wrong() const {
  int64_t wrong = 0;
  for (const CollectiveTime& row : rows_) wrong += row.wrong.value_or(0);
  return wrong;
}

double CollectiveReport::BusBandwidth(const CollectiveTime& time) const {
  return time.algbw() * BusFactor(options_.kind, workers_);
}

}  // namespace convoy::collectives
