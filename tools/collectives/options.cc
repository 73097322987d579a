// What tools/allreduce is asked for, with the flags of nccl-tests.
#include "tools/collectives/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <string_view>

#include "core/error.h"

namespace convoy {
namespace {

const std::map<std::string, CollectiveKind> kKinds{
    {"allreduce", CollectiveKind::kAllReduce},
    {"allgather", CollectiveKind::kAllGather},
    {"reducescatter", CollectiveKind::kReduceScatter},
    {"broadcast", CollectiveKind::kBroadcast},
    {"alltoall", CollectiveKind::kAllToAll}};

const std::map<std::string, ReduceOp> kOps{
    {"sum", ReduceOp::kSum}, {"max", ReduceOp::kMax}, {"min", ReduceOp::kMin}};

// nccl-tests' names first, then Convoy's own.
const std::map<std::string, DType> kDTypes{
    {"float", DType::kF32}, {"double", DType::kF64}, {"bfloat16", DType::kBF16},
    {"half", DType::kF16},  {"int32", DType::kI32},  {"int64", DType::kI64},
    {"uint8", DType::kU8},  {"f32", DType::kF32},    {"f64", DType::kF64},
    {"bf16", DType::kBF16}, {"f16", DType::kF16},    {"i32", DType::kI32},
    {"i64", DType::kI64},   {"u8", DType::kU8}};

template <typename Map>
void AddChoice(CLI::App& app, const char* flag, const Map& choices,
               typename Map::mapped_type& value, const char* help) {
  app.add_option_function<std::string>(
         flag,
         [flag, &choices, &value](const std::string& name) {
           const auto found = choices.find(name);
           std::string names;
           for (const auto& [known, _] : choices) names += (names.empty() ? "" : ", ") + known;
           CONVOY_CHECK(found != choices.end(), "[allreduce] {} knows {}; got '{}'", flag, names,
                        name);
           value = found->second;
         },
         help)
      ->type_name("NAME");
}

void AddSize(CLI::App& app, const char* flag, int64_t& value, const char* help) {
  app.add_option_function<std::string>(
         flag, [flag, &value](const std::string& text) { value = ParseSize(flag, text); }, help)
      ->type_name("BYTES");
}

template <typename T>
CLI::Option* AddNumber(CLI::App& app, const char* flag, T& value, T least, const char* help) {
  return app
      .add_option_function<int64_t>(
          flag,
          [flag, &value, least](int64_t number) {
            CONVOY_CHECK(number >= least && number <= 1'000'000'000,
                         "[allreduce] {} wants a number from {} to 1,000,000,000; got {}", flag,
                         least, number);
            value = static_cast<T>(number);
          },
          help)
      ->type_name("N");
}

}  // namespace

void AddFlags(CLI::App& app, CollectiveBenchOptions& options) {
  AddSize(app, "-b,--minbytes", options.sweep.first, "The smallest size: 8, 64K, 25M, 1G [32M]");
  AddSize(app, "-e,--maxbytes", options.sweep.last, "The largest size [32M, or the smallest]");
  AddSize(app, "-i,--stepbytes", options.sweep.step, "What is added to a size for the next [1M]");
  AddNumber<int64_t>(app, "-f,--stepfactor", options.sweep.factor, 2,
                     "What a size is multiplied with for the next, instead of -i")
      ->excludes("-i");
  AddNumber(app, "-n,--iters", options.iterations, 1, "Iterations timed, of each size [20]");
  AddNumber(app, "-w,--warmup_iters", options.warmup, 0, "Iterations before, of each size [5]");
  AddNumber(app, "-c,--check", options.checks, 0,
            "Runs on known data, of which every element is compared; 0: none [1]");
  AddChoice(app, "-o,--op", kOps, options.op, "Of a reduction: sum, max or min [sum]");
  AddChoice(app, "-d,--datatype", kDTypes, options.dtype,
            "float, double, bfloat16, half, int32, int64 or uint8 [float]");
  AddNumber(app, "-r,--root", options.root, 0, "Of a broadcast [0]");
  AddChoice(app, "--collective", kKinds, options.kind,
            "allreduce, allgather, reducescatter, broadcast or alltoall [allreduce]");
  app.add_flag("--median", options.median,
               "Time each iteration, and take the median instead of the mean of all");
  app.add_option("--json", options.json, "Write the rows to this file too, as a list of objects")
      ->type_name("FILE");
}

void FinishOptions(const CLI::App& app, CollectiveBenchOptions& options) {
  Sweep& sweep = options.sweep;
  if (app.count("-e") == 0) sweep.last = std::max(sweep.first, sweep.last);
  SizesOf(sweep);
}

std::string_view FlagName(CollectiveKind kind) {
  for (const auto& [name, value] : kKinds) {
    if (value == kind) return name;
  }
  return Name(kind);
}

std::string_view NcclName(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return "float";
    case DType::kF64:
      return "double";
    case DType::kBF16:
      return "bfloat16";
    case DType::kF16:
      return "half";
    case DType::kI32:
      return "int32";
    case DType::kI64:
      return "int64";
    case DType::kU8:
      return "uint8";
    default:
      return Name(dtype);
  }
}

bool Reduces(CollectiveKind kind) {
  return kind == CollectiveKind::kAllReduce || kind == CollectiveKind::kReduceScatter;
}

bool WorksInPlace(CollectiveKind kind) {
  return kind == CollectiveKind::kAllReduce || kind == CollectiveKind::kBroadcast;
}

}  // namespace convoy
