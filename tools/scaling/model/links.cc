// What connects the workers of a system: levels of links, and what allreduces on them cost.
#include "tools/scaling/model/links.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <limits>
#include <system_error>
#include <utility>

#include "core/base/error.h"
#include "core/base/toml_file.h"
#include "tools/scaling/model/built_in_files.h"

namespace convoy::scaling {
namespace {

constexpr const char* kComponent = "links";

constexpr std::array<std::pair<Algorithm, std::string_view>, 7> kNames{{
    {Algorithm::kRing, "ring"},
    {Algorithm::kTree, "tree"},
    {Algorithm::kTwoLevel, "two-level"},
    {Algorithm::kNvls, "nvls"},
    {Algorithm::kNvlsTree, "nvls-tree"},
    {Algorithm::kDirect, "direct"},
    {Algorithm::kInProcess, "inprocess"},
}};

LinkLevel ReadLevel(TomlTable& table, bool outermost) {
  LinkLevel level;
  level.where = table.Where();
  level.name = table.String("name");
  CONVOY_CHECK(outermost || table.Has("members"),
               "{}: level '{}' is not the outermost one and must say how many 'members' it joins",
               level.where, level.name);
  if (table.Has("members"))
    level.members = static_cast<int>(table.Integer("members", 1, std::numeric_limits<int>::max()));
  level.gb_per_s = table.Positive("bandwidth_gb_per_s");
  level.latency_us = table.Positive("latency_us");
  table.RefuseOthers();
  return level;
}

AlgorithmCost ReadAlgorithm(TomlTable& table, const Links& links) {
  AlgorithmCost cost;
  cost.algorithm = AlgorithmNamed(table.String("name"), table.Where("name"));
  const auto same =
      std::find_if(links.algorithms.begin(), links.algorithms.end(),
                   [&](const AlgorithmCost& other) { return other.algorithm == cost.algorithm; });
  CONVOY_CHECK(same == links.algorithms.end(), "{}: the algorithm '{}' is there already",
               table.Where("name"), Name(cost.algorithm));
  cost.base_us = table.NotNegative("base_us", 0);
  cost.sum_gb_per_s = table.NotNegative("sum_gb_per_s", 0);
  cost.uneven = table.NotNegative("uneven", 0);
  cost.latency_us = table.Numbers("latency_us");
  cost.gb_per_s = table.Numbers("bandwidth_gb_per_s");
  table.RefuseOthers();
  const size_t levels = links.levels.size();
  for (const char* key : {"latency_us", "bandwidth_gb_per_s"}) {
    const size_t count = key[0] == 'l' ? cost.latency_us.size() : cost.gb_per_s.size();
    CONVOY_CHECK(count <= levels, "{}: '{}' has {} figures, but there are {} levels",
                 table.Where(key), key, count, levels);
  }
  for (const double gb_per_s : cost.gb_per_s) {
    CONVOY_CHECK(gb_per_s > 0, "{}: 'bandwidth_gb_per_s' must be numbers over 0, got {}",
                 table.Where("bandwidth_gb_per_s"), gb_per_s);
  }
  // Where one of the two is left out, the figures of the levels apply.
  const size_t reach = std::min(cost.latency_us.empty() ? levels : cost.latency_us.size(),
                                cost.gb_per_s.empty() ? levels : cost.gb_per_s.size());
  CONVOY_CHECK(cost.latency_us.empty() || cost.gb_per_s.empty() ||
                   cost.latency_us.size() == cost.gb_per_s.size(),
               "{}: 'latency_us' is for {} levels, 'bandwidth_gb_per_s' for {}",
               table.Where("bandwidth_gb_per_s"), cost.latency_us.size(), cost.gb_per_s.size());
  for (size_t l = 0; l < reach; ++l) {
    if (cost.latency_us.size() == l) cost.latency_us.push_back(links.levels[l].latency_us);
    if (cost.gb_per_s.size() == l) cost.gb_per_s.push_back(links.levels[l].gb_per_s);
  }
  return cost;
}

Links FromFile(TomlTable file) {
  Links links;
  links.name = file.String("name");
  links.source = file.String("source");
  std::vector<TomlTable> levels = file.Tables("level");
  CONVOY_CHECK(!levels.empty(),
               "{}: there is no [[level]]; write one for every kind of link, from "
               "the innermost out",
               file.Where());
  for (TomlTable& table : levels) {
    links.levels.push_back(ReadLevel(table, &table == &levels.back()));
  }
  std::vector<TomlTable> algorithms = file.Tables("algorithm");
  CONVOY_CHECK(!algorithms.empty(), "{}: there is no [[algorithm]]; name those that the system has",
               file.Where());
  for (TomlTable& table : algorithms) links.algorithms.push_back(ReadAlgorithm(table, links));
  file.RefuseOthers();
  return links;
}

}  // namespace

std::string_view Name(Algorithm algorithm) {
  for (const auto& [named, name] : kNames) {
    if (named == algorithm) return name;
  }
  return "";
}

Algorithm AlgorithmNamed(const std::string& name, const std::string& where) {
  std::string all;
  for (const auto& [algorithm, known] : kNames) {
    if (known == name) return algorithm;
    all += fmt::format("{}{}", all.empty() ? "" : ", ", known);
  }
  Fail("{}: there is no algorithm '{}'; those there are: {}", where, name, all);
}

std::vector<int> Links::Split(int workers) const {
  CONVOY_CHECK(workers >= 1, "[links] the number of workers must be at least 1, got {}", workers);
  std::vector<int> groups;
  int left = workers;  // members of the next level
  for (size_t l = 0; l < levels.size(); ++l) {
    const LinkLevel& level = levels[l];
    const int most = level.members > 0 ? level.members : std::numeric_limits<int>::max();
    const bool outermost = l + 1 == levels.size();
    CONVOY_CHECK(!outermost || left <= most,
                 "{}: {} workers are more than the outermost level '{}' joins ({} members); add a "
                 "[[level]] beyond it",
                 level.where, workers, level.name, level.members);
    CONVOY_CHECK(left <= most || left % most == 0,
                 "{}: {} workers do not fill whole groups of level '{}', which joins {} members",
                 level.where, workers, level.name, level.members);
    groups.push_back(std::min(left, most));
    left /= groups.back();
  }
  return groups;
}

Links ReadLinks(const std::string& path) { return FromFile(TomlTable::Read(path, kComponent)); }

Links ParseLinks(std::string_view text, const std::string& path) {
  return FromFile(TomlTable::Parse(text, path, kComponent));
}

Links FindLinks(const std::string& name_or_path) {
  const std::vector<BuiltInFile> built_in = BuiltInLinkFiles();
  if (const auto text = TextOf(built_in, name_or_path)) {
    return ParseLinks(*text, name_or_path + ".toml");
  }
  std::error_code ignored;
  CONVOY_CHECK(std::filesystem::exists(name_or_path, ignored),
               "[links] '{}' is neither a file nor built in; built in are: {}", name_or_path,
               fmt::join(NamesOf(built_in), ", "));
  return ReadLinks(name_or_path);
}

std::vector<std::string> BuiltInLinks() { return NamesOf(BuiltInLinkFiles()); }

}  // namespace convoy::scaling
