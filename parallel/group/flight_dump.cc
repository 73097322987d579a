// The flight recorders of a worker's groups as a file: what to look at when a run has failed.
#include "parallel/group/flight_dump.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/print.h"
#include "parallel/group/rank_list.h"

namespace convoy {
namespace {

using Json = nlohmann::ordered_json;
using WallClock = std::chrono::system_clock;

// The time of a file may come from a clock that ticks this slowly.
constexpr std::chrono::milliseconds kTick{20};

std::string PathOf(const std::string& folder, const std::string& rank) {
  return fmt::format("{}/collectives-rank-{}.json", folder, rank);
}

Json ToJson(const CollectiveRecord& record) {
  Json json = {{"number", record.number},     {"kind", record.kind},
               {"what", record.what},         {"bytes", record.bytes},
               {"state", Name(record.state)}, {"queued_unix_s", record.queued_s}};
  if (record.started_s) json["started_unix_s"] = *record.started_s;
  if (record.ended_s) json["ended_unix_s"] = *record.ended_s;
  if (record.peer >= 0) json[record.kind == "Broadcast" ? "root" : "peer"] = record.peer;
  if (record.number == 0) json["tag"] = record.tag;
  return json;
}

void AddGroup(ProcessGroup& group, Json& groups) {
  Json collectives = Json::array();
  for (const CollectiveRecord& record : group.history()) collectives.push_back(ToJson(record));
  groups.push_back({{"workers", group.workers()}, {"collectives", std::move(collectives)}});
  for (const auto& subgroup : group.subgroups()) AddGroup(*subgroup, groups);
}

}  // namespace

void CheckDumpFolder(const std::string& folder) {
  struct stat info {};
  CONVOY_CHECK(stat(folder.c_str(), &info) == 0, "[Launch] --dump {}: {}; make the folder first",
               folder, std::strerror(errno));
  CONVOY_CHECK(S_ISDIR(info.st_mode), "[Launch] --dump {}: expected a folder, got a file", folder);
  CONVOY_CHECK(access(folder.c_str(), W_OK | X_OK) == 0, "[Launch] --dump {}: {}", folder,
               std::strerror(errno));
}

void DumpFlightRecorder(const std::string& folder, ProcessGroup& group,
                        const std::string& error) noexcept {
  try {
    const std::string path = PathOf(folder, std::to_string(group.rank()));
    try {
      const double now = std::chrono::duration<double>(WallClock::now().time_since_epoch()).count();
      Json json = {{"rank", group.rank()},      {"workers", group.size()}, {"pid", getpid()},
                   {"transport", group.name()}, {"error", error},          {"written_unix_s", now},
                   {"groups", Json::array()}};
      AddGroup(group, json["groups"]);
      WriteTextFile("--dump", path,
                    json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
    } catch (const std::exception& problem) {
      Warn("{}", problem.what());
    }
  } catch (...) {  // out of memory, or standard error is closed: the cause matters more
  }
}

std::string DescribeDump(const std::string& folder, int workers, WallClock::time_point start) {
  std::vector<int> written;
  for (int r = 0; r < workers; ++r) {
    struct stat info {};
    if (stat(PathOf(folder, std::to_string(r)).c_str(), &info) != 0) continue;
    const auto at = WallClock::time_point(std::chrono::seconds(info.st_mtim.tv_sec) +
                                          std::chrono::nanoseconds(info.st_mtim.tv_nsec));
    if (at >= start - kTick) written.push_back(r);
  }
  if (written.empty()) return {};
  return fmt::format("\n  last collectives of {}: {}", RankList(written), PathOf(folder, "R"));
}

}  // namespace convoy
