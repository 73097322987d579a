// A bucket plan as a TOML file, for trainers' --bucket-plan.
#include "parallel/data_parallel/bucket_plan_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/toml_file.h"

namespace convoy {
namespace {

constexpr const char* kComponent = "bucket plan";

// Reads buckets one by one, against all that came before.
class PlanReader {
 public:
  PlanReader(const std::string& path, const std::vector<ParameterSize>& parameters)
      : path_(path), parameters_(parameters) {
    for (size_t i = 0; i < parameters.size(); ++i) {
      index_[parameters[i].name] = static_cast<int>(i);
    }
  }

  void Add(TomlTable& bucket) {
    std::vector<int>& indices = plan_.emplace_back();
    const std::vector<TomlTable::Word> words = bucket.Words("parameters");
    bucket.RefuseOthers();
    CONVOY_CHECK(!words.empty(), "{}: a bucket wants at least one parameter, got none",
                 bucket.Where("parameters"));
    for (const auto& [name, where] : words) {
      const int index = Find(name, where);
      indices.push_back(index);
      Check(name, where, indices);
    }
    // Sums start in the order of buckets, each when its last gradient is there.
    if (plan_.size() < 2) return;
    const int before = plan_[plan_.size() - 2].back();
    CONVOY_CHECK(before > indices.back(),
                 "{}: the bucket ends with '{}', which is registered after '{}', the end of the "
                 "bucket before; write buckets from the last parameter to the first",
                 words.back().where, words.back().text, Of(before).name);
  }

  BucketPlan Done() {
    const auto missing =
        std::find_if(parameters_.begin(), parameters_.end(),
                     [&](const ParameterSize& p) { return !lines_.contains(p.name); });
    CONVOY_CHECK(
        missing == parameters_.end(),
        "[{}] {}: parameter '{}' is in no bucket; the model has {} parameters, the plan {}",
        kComponent, path_, missing->name, parameters_.size(), lines_.size());
    return std::move(plan_);
  }

 private:
  const ParameterSize& Of(int index) const { return parameters_[static_cast<size_t>(index)]; }

  int Find(const std::string& name, const std::string& where) {
    const auto at = index_.find(name);
    CONVOY_CHECK(at != index_.end(),
                 "{}: the model has no parameter '{}'; its first is '{}', its last '{}'", where,
                 name, parameters_.empty() ? "" : parameters_.front().name,
                 parameters_.empty() ? "" : parameters_.back().name);
    const auto [before, is_new] = lines_.emplace(name, where);
    CONVOY_CHECK(is_new, "{}: parameter '{}' is planned twice, first in line {}", where, name,
                 before->second.substr(before->second.rfind(':') + 1));
    return at->second;
  }

  // The newest of a bucket's parameters.
  void Check(const std::string& name, const std::string& where, const std::vector<int>& indices) {
    const DType dtype = Of(indices.back()).dtype;
    const ParameterSize& first = Of(indices.front());
    CONVOY_CHECK(
        dtype == first.dtype,
        "{}: a bucket has one dtype, but '{}' is {} and '{}' is {}; give it another bucket", where,
        first.name, convoy::Name(first.dtype), name, convoy::Name(dtype));
    const auto before = newest_.find(dtype);
    CONVOY_CHECK(before == newest_.end() || before->second > indices.back(),
                 "{}: '{}' is registered after '{}', which stands before it; write parameters from "
                 "the last to the first",
                 where, name, Of(before->second).name);
    newest_[dtype] = indices.back();
  }

  const std::string& path_;
  const std::vector<ParameterSize>& parameters_;
  std::map<std::string, int> index_;
  std::map<std::string, std::string> lines_;  // where each parameter was planned
  std::map<DType, int> newest_;               // of each dtype
  BucketPlan plan_;
};

}  // namespace

BucketPlan ReadBucketPlan(const std::string& path, const std::vector<ParameterSize>& parameters) {
  TomlTable file = TomlTable::Read(path, kComponent);
  file.String("model", "");
  file.String("made_by", "");
  PlanReader reader(path, parameters);
  for (TomlTable& bucket : file.Tables("bucket")) reader.Add(bucket);
  file.RefuseOthers();
  return reader.Done();
}

BucketPlan ReadBucketPlan(const std::string& path, const ParameterList& parameters) {
  return ReadBucketPlan(path, SizesOf(parameters));
}

void WriteBucketPlan(const std::string& path, const std::vector<ParameterSize>& parameters,
                     const BucketPlan& plan, const BucketPlanSource& source) {
  std::string text = fmt::format(
      "# Which parameters are summed together, for --bucket-plan: buckets in the order of their "
      "sums,\n# from the last parameter registered to the first.\n");
  if (!source.model.empty()) text += fmt::format("model = {}\n", TomlString(source.model));
  if (!source.made_by.empty()) text += fmt::format("made_by = {}\n", TomlString(source.made_by));
  for (const std::vector<int>& bucket : plan) {
    int64_t bytes = 0;
    std::string lines;
    for (const int index : bucket) {
      const ParameterSize& parameter = parameters[static_cast<size_t>(index)];
      bytes += parameter.bytes;
      lines += fmt::format("  {},\n", TomlString(parameter.name));
    }
    text += fmt::format("\n[[bucket]]  # {} bytes\nparameters = [\n{}]\n", bytes, lines);
  }
  WriteTextFile(kComponent, path, text);
}

}  // namespace convoy
