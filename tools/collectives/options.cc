// What tools/allreduce is asked for, with the flags of nccl-tests.
#include "tools/collectives/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <string_view>

#include "core/base/error.h"
#include "core/base/exit_status.h"
#include "parallel/launch.h"
#include "parallel/launch/env/launcher_env.h"

namespace convoy::collectives {
namespace {

const std::map<std::string, CollectiveKind> kKinds{
    {"allreduce", CollectiveKind::kAllReduce},
    {"allgather", CollectiveKind::kAllGather},
    {"reducescatter", CollectiveKind::kReduceScatter},
    {"broadcast", CollectiveKind::kBroadcast},
    {"alltoall", CollectiveKind::kAllToAll}};

struct Reduction {
  ReduceOp op;
  bool average;
};
constexpr Reduction kReductions[] = {{ReduceOp::kSum, false},
                                     {ReduceOp::kMax, false},
                                     {ReduceOp::kMin, false},
                                     {ReduceOp::kSum, true}};

constexpr DType kAllDTypes[] = {DType::kU8,  DType::kI32, DType::kI64, DType::kF16,
                                DType::kF32, DType::kF64, DType::kBF16};

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

void SetOp(const std::string& name, CollectiveBenchOptions& options) {
  CONVOY_CHECK(name != "prod" && name != "mulsum",
               "[allreduce] -o,--op: no collective of Convoy's has '{}', which training does not "
               "need; take sum, max, min, avg or all",
               name);
  options.all_ops = name == "all";
  if (options.all_ops) return;
  for (const Reduction& reduction : kReductions) {
    if (name != RedOpName(reduction.op, reduction.average)) continue;
    options.op = reduction.op;
    options.average = reduction.average;
    return;
  }
  Fail("[allreduce] -o,--op knows sum, max, min, avg, all; got '{}'", name);
}

void SetDType(const std::string& name, CollectiveBenchOptions& options) {
  options.all_dtypes = name == "all";
  if (options.all_dtypes) return;
  const auto found = kDTypes.find(name);
  std::string names;
  for (const auto& [known, _] : kDTypes) names += known + ", ";
  CONVOY_CHECK(found != kDTypes.end(), "[allreduce] -d,--datatype knows {}all; got '{}'", names,
               name);
  options.dtype = found->second;
}

// -t and -g: the workers of this process, unless --workers says how many.
void SetWorkers(const CLI::App& app, const CollectiveBenchOptions& options, LaunchOptions& launch) {
  if (app.count("-t") + app.count("-g") == 0) return;
  const int64_t workers = int64_t{options.threads} * options.gpus;
  CheckUsage(app.count("--workers") == 0,
             "[allreduce] -t {} -g {} asks for {} workers in this process, and --workers {} for "
             "as many as it says; give only one of the two",
             options.threads, options.gpus, workers, launch.workers);
  if (const std::optional<launch::LauncherEnv> job = launch::ReadLauncherEnv()) {
    CheckUsage(workers == 1,
               "[allreduce] -t {} -g {} asks for {} workers in each process, but under a launcher "
               "({}) each process is one worker; leave them out, and start {} processes",
               options.threads, options.gpus, workers, job->launcher, workers * job->size);
    return;
  }
  launch.workers = static_cast<int>(std::min<int64_t>(workers, 1 << 30));
  if (app.count("--launch") == 0) launch.launch = "threads";
}

template <typename T>
void AddLevel(CLI::App& app, const char* flag, int most, T& value, const char* help) {
  app.add_option_function<int64_t>(
         flag,
         [flag, most, &value](int64_t number) {
           CONVOY_CHECK(number >= 0 && number <= most,
                        "[allreduce] {} wants a number from 0 to {}; got {}", flag, most, number);
           value = static_cast<T>(number);
         },
         help)
      ->type_name("N");
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
  app.add_option_function<std::string>(
         "-o,--op", [&options](const std::string& name) { SetOp(name, options); },
         "Of a reduction: sum, max, min, avg (a sum that is then divided, both timed), or all of "
         "them in turn [sum]")
      ->type_name("NAME");
  app.add_option_function<std::string>(
         "-d,--datatype", [&options](const std::string& name) { SetDType(name, options); },
         "float, double, bfloat16, half, int32, int64 or uint8, or all of them in turn [float]")
      ->type_name("NAME");
  AddNumber(app, "-r,--root", options.root, 0, "Of a broadcast [0]");
  AddNumber(app, "-t,--nthreads", options.threads, 1,
            "Threads of this process; with -g, its workers are -t times -g [1]");
  AddNumber(app, "-g,--ngpus", options.gpus, 1,
            "GPUs, or on the CPU slices of its cores, of each thread: one worker on each [1]");
  AddLevel(app, "-z,--blocking", 1, options.blocking,
           "1: wait for the device and for all workers after each iteration [0]");
  AddLevel(
      app, "-a,--average", 3, options.time_of,
      "Whose time is shown: 0 that of worker 0, 1 the mean over workers, 2 the shortest, 3 the "
      "longest [3]");
  AddChoice(app, "--collective", kKinds, options.kind,
            "allreduce, allgather, reducescatter, broadcast or alltoall [allreduce]");
  app.add_flag("--median", options.median,
               "Time each iteration, and take the median instead of the mean of all");
  app.add_option("--json", options.json, "Write the rows to this file too, as a list of objects")
      ->type_name("FILE");
}

void FinishOptions(const CLI::App& app, CollectiveBenchOptions& options, LaunchOptions& launch) {
  Sweep& sweep = options.sweep;
  if (app.count("-e") == 0) sweep.last = std::max(sweep.first, sweep.last);
  SizesOf(sweep);
  SetWorkers(app, options, launch);
  CheckUsage(
      !options.average || options.all_dtypes || !Reduces(options.kind) || IsFloating(options.dtype),
      "[allreduce] -o avg wants a floating-point datatype (-d), since Convoy divides no "
      "whole numbers; got {}",
      NcclName(options.dtype));
}

std::vector<CollectiveBenchOptions> Runs(const CollectiveBenchOptions& options) {
  const std::vector<DType> dtypes = options.all_dtypes
                                        ? std::vector(std::begin(kAllDTypes), std::end(kAllDTypes))
                                        : std::vector{options.dtype};
  const std::vector<Reduction> reductions =
      options.all_ops && Reduces(options.kind)
          ? std::vector(std::begin(kReductions), std::end(kReductions))
          : std::vector{Reduction{options.op, options.average && Reduces(options.kind)}};
  std::vector<CollectiveBenchOptions> runs;
  for (const DType dtype : dtypes) {
    for (const Reduction& reduction : reductions) {
      if (reduction.average && !IsFloating(dtype)) continue;
      CollectiveBenchOptions run = options;
      run.all_ops = run.all_dtypes = false;
      run.dtype = dtype;
      run.op = reduction.op;
      run.average = reduction.average;
      runs.push_back(run);
    }
  }
  return runs;
}

std::string_view RedOpName(ReduceOp op, bool average) { return average ? "avg" : Name(op); }

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

}  // namespace convoy::collectives
