// Profiles as TOML files, and those that come with the program.
#include "tools/scaling/model/profile_file.h"

#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/toml_file.h"
#include "tools/scaling/model/built_in_files.h"

namespace convoy::scaling {
namespace {

constexpr const char* kComponent = "profile";
constexpr int64_t kMaxPublishedWorkers = 10'000'000;

const std::map<std::string, DType> kDTypes{
    {"f32", DType::kF32}, {"f64", DType::kF64}, {"bf16", DType::kBF16}, {"f16", DType::kF16}};

ParameterProfile ReadParameter(TomlTable& table, double backward_ms) {
  ParameterProfile parameter;
  parameter.name = table.String("name");
  parameter.bytes = table.Integer("bytes", 0);
  const std::string dtype = table.String("dtype", "f32");
  CONVOY_CHECK(kDTypes.contains(dtype),
               "{}: 'dtype' must be f32, f64, bf16 or f16, got the string '{}'",
               table.Where("dtype"), dtype);
  parameter.dtype = kDTypes.at(dtype);
  parameter.ready_ms = table.NotNegative("ready_ms");
  CONVOY_CHECK(parameter.ready_ms <= backward_ms,
               "{}: the gradient of '{}' is ready after {} ms, but backward has ended after {}",
               table.Where("ready_ms"), parameter.name, parameter.ready_ms, backward_ms);
  table.RefuseOthers();
  return parameter;
}

PublishedPoint ReadPublished(TomlTable& table) {
  PublishedPoint point;
  point.workers = static_cast<int>(table.Integer("workers", 1, kMaxPublishedWorkers));
  point.efficiency = table.Positive("efficiency");
  point.source = table.String("source");
  table.RefuseOthers();
  return point;
}

ModelProfile FromFile(TomlTable file) {
  ModelProfile profile;
  profile.model = file.String("model");
  profile.source = file.String("source");
  profile.unit = file.String("unit");
  profile.units = file.Positive("units");
  profile.forward_ms = file.NotNegative("forward_ms");
  profile.backward_ms = file.Positive("backward_ms");
  profile.optimizer_ms = file.NotNegative("optimizer_ms");
  std::map<std::string, std::string> wheres;
  for (TomlTable& table : file.Tables("parameter")) {
    profile.parameters.push_back(ReadParameter(table, profile.backward_ms));
    const std::string& name = profile.parameters.back().name;
    const auto [before, is_new] = wheres.emplace(name, table.Where());
    CONVOY_CHECK(is_new, "{}: parameter '{}' is there twice, first in line {}", table.Where(), name,
                 before->second.substr(before->second.rfind(':') + 1));
  }
  CONVOY_CHECK(!profile.parameters.empty(), "{}: there is no parameter", file.Where());
  for (TomlTable& table : file.Tables("published")) {
    profile.published.push_back(ReadPublished(table));
  }
  if (file.Has("remarks")) {
    for (TomlTable::Word& remark : file.Words("remarks")) {
      profile.remarks.push_back(std::move(remark.text));
    }
  }
  file.RefuseOthers();
  return profile;
}

}  // namespace

ModelProfile ReadProfile(const std::string& path) {
  return FromFile(TomlTable::Read(path, kComponent));
}

ModelProfile FindProfile(const std::string& name_or_path) {
  const std::vector<BuiltInFile> bundled = BuiltInProfileFiles();
  if (const auto text = TextOf(bundled, name_or_path)) {
    return FromFile(TomlTable::Parse(*text, name_or_path + ".toml", kComponent));
  }
  std::error_code ignored;
  CONVOY_CHECK(std::filesystem::exists(name_or_path, ignored),
               "[profile] '{}' is neither a file nor bundled; bundled are: {}", name_or_path,
               fmt::join(NamesOf(bundled), ", "));
  return ReadProfile(name_or_path);
}

std::vector<std::string> BundledProfiles() { return NamesOf(BuiltInProfileFiles()); }

void WriteProfile(const std::string& path, const ModelProfile& profile) {
  std::string text = fmt::format(
      "# What a step of one worker alone takes, for scaling_bench --predict --profile.\n"
      "model = {}\nsource = {}\nunit = {}\nunits = {}\n"
      "forward_ms = {}\nbackward_ms = {}\noptimizer_ms = {}\n",
      TomlString(profile.model), TomlString(profile.source), TomlString(profile.unit),
      profile.units, profile.forward_ms, profile.backward_ms, profile.optimizer_ms);
  if (!profile.published.empty()) {
    text += "published = [\n";
    for (const PublishedPoint& p : profile.published) {
      text += fmt::format("  {{workers = {}, efficiency = {}, source = {}}},\n", p.workers,
                          p.efficiency, TomlString(p.source));
    }
    text += "]\n";
  }
  if (!profile.remarks.empty()) {
    text += "remarks = [\n";
    for (const std::string& remark : profile.remarks) {
      text += fmt::format("  {},\n", TomlString(remark));
    }
    text += "]\n";
  }
  text += "# In order of registration; ready_ms is from the start of backward.\nparameter = [\n";
  for (const ParameterProfile& p : profile.parameters) {
    text += fmt::format("  {{name = {}, bytes = {}, dtype = \"{}\", ready_ms = {}}},\n",
                        TomlString(p.name), p.bytes, Name(p.dtype), p.ready_ms);
  }
  WriteTextFile(kComponent, path, text + "]\n");
}

}  // namespace convoy::scaling
