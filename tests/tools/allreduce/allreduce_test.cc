// tools/allreduce as its users run it: real processes, every way to have workers.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/json.h"
#include "tests/models/data/temporary_folder.h"
#include "tests/models/trainers/job.h"
#include "tests/tools/allreduce/run_allreduce.h"

namespace convoy::collectives {
namespace {

using Arguments = std::vector<std::string>;

ProcessResult RunOnCpu(Arguments flags) {
  flags.insert(flags.end(), {"--device", "cpu"});
  return RunProcess(AllReduceCommand(flags));
}

TEST_CASE("Rows that nobody can take are an error, and so is such a --help") {
  for (const std::string flag : {"-e 8 -w 0 -n 1 --workers 2 --device cpu", "--help"}) {
    const ProcessResult result =
        RunProcess({"/bin/sh", "-c", AllReduceCommand({})[0] + " -b 8 " + flag + " > /dev/full"});
    INFO(result.err);
    CHECK(result.status == 1);
    CHECK(result.err ==
          "allreduce: [output] writing to standard output failed: is the disk full?\n");
  }
}

TEST_CASE("Workers that are threads: a row for each size, and all of it as JSON") {
  const TemporaryFolder folder;
  const std::string json = folder / "rows.json";
  const ProcessResult result = RunOnCpu(
      {"--workers", "4", "-b", "8", "-e", "256K", "-f", "8", "-n", "3", "-w", "1", "--json", json});
  CheckRows(result, 6, 1.5);
  CHECK_THAT(result.out, Catch::Contains("# allreduce over inprocess, 4 workers, in-place only") &&
                             Catch::Contains("#  Rank  3 Group  0 Pid ") &&
                             Catch::Contains("[cpu:3] CPU\n"));
  const std::vector<PrintedRow> rows = RowsOf(result.out);
  const auto written = ReadJson(json);
  REQUIRE(written.size() == rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    CHECK(rows[i].size == 8 << (3 * i));
    CHECK(rows[i].count == rows[i].size / 4);
    CHECK(written[i]["size"] == rows[i].size);
    CHECK(written[i]["workers"] == 4);
    CHECK(written[i]["time_us"].get<double>() == Approx(rows[i].time_us).epsilon(0.01));
  }
}

TEST_CASE("Every collective, as a sum, a maximum and a minimum, in every datatype") {
  struct Kind {
    std::string name;
    double factor;
    bool reduces;
  };
  for (const Kind& kind : std::vector<Kind>{{"allreduce", 4.0 / 3, true},
                                            {"reducescatter", 2.0 / 3, true},
                                            {"allgather", 2.0 / 3, false},
                                            {"broadcast", 1, false},
                                            {"alltoall", 2.0 / 3, false}}) {
    for (const std::string type :
         {"float", "double", "bfloat16", "half", "int32", "int64", "uint8"}) {
      for (const std::string op : {"sum", "max", "min"}) {
        CAPTURE(kind.name, type, op);
        const ProcessResult result =
            RunOnCpu({"--workers", "3", "--collective", kind.name, "-d", type, "-o", op, "-r", "2",
                      "-b", "300K", "-e", "300K", "-n", "1", "-w", "0", "--median"});
        CheckRows(result, 1, kind.factor);
        const std::vector<PrintedRow> rows = RowsOf(result.out);
        REQUIRE(rows.size() == 1);
        CHECK(rows[0].type == type);
        CHECK(rows[0].redop == (kind.reduces ? op : "none"));
        CHECK(rows[0].root == (kind.name == "broadcast" ? 2 : -1));
        if (!kind.reduces) break;
      }
    }
  }
}

TEST_CASE("-d all and -o all: a table of all sizes for each, averages of no whole numbers") {
  const ProcessResult result = RunOnCpu({"-t", "3", "-d", "all", "-o", "all", "-b", "3K", "-e",
                                         "6K", "-f", "2", "-n", "1", "-w", "0"});
  std::vector<std::string> expected;
  for (const char* type : {"uint8", "int32", "int64", "half", "float", "double", "bfloat16"}) {
    for (const char* op : {"sum", "max", "min", "avg"}) {
      const bool whole = std::string(type).find("int") != std::string::npos;
      if (whole && std::string(op) == "avg") continue;
      for (const char* size : {" 3072", " 6144"}) {
        expected.push_back(std::string(type) + " " + op + size);
      }
    }
  }
  CheckRows(result, expected.size(), 4.0 / 3);
  std::vector<std::string> found;
  for (const PrintedRow& row : RowsOf(result.out)) {
    found.push_back(row.type + " " + row.redop + " " + std::to_string(row.size));
  }
  CHECK(found == expected);
  // What does not reduce has no operations to go through.
  CheckRows(RunOnCpu({"-t", "3", "--collective", "allgather", "-d", "all", "-o", "all", "-b", "3K",
                      "-e", "3K", "-n", "1", "-w", "0"}),
            7, 2.0 / 3);
}

TEST_CASE("-o avg gives averages, in and out of place, for even and odd numbers of workers") {
  for (const char* kind : {"allreduce", "reducescatter"}) {
    for (const char* type : {"float", "double", "half", "bfloat16"}) {
      for (const int workers : {1, 3, 4}) {
        CAPTURE(kind, type, workers);
        const ProcessResult result =
            RunOnCpu({"--workers", std::to_string(workers), "--collective", kind, "-d", type, "-o",
                      "avg", "-b", "48K", "-e", "48K", "-n", "1", "-w", "0"});
        const double links = static_cast<double>(workers - 1) / workers;
        CheckRows(result, 1, std::string(kind) == "allreduce" ? 2 * links : links);
        CHECK(RowsOf(result.out).at(0).redop == "avg");
      }
    }
  }
}

TEST_CASE("-t threads of -g slices of the cores are so many workers of one process") {
  const ProcessResult result =
      RunOnCpu({"-t", "2", "-g", "3", "-b", "1K", "-e", "1K", "-n", "1", "-w", "0"});
  CheckRows(result, 1, 2 * 5.0 / 6);
  CHECK_THAT(result.out, Catch::Contains("# allreduce over inprocess, 6 workers,") &&
                             Catch::Contains("[cpu:5] CPU\n"));
}

TEST_CASE("-a says whose time, -z that all wait after each iteration; JSON says so too") {
  struct Row {
    std::string level, header, name;
  };
  for (const Row& row :
       std::vector<Row>{{"0", "of worker 0\n", "worker 0"},
                        {"1", "mean over all workers\n", "mean"},
                        {"2", "of the worker for which all of them took shortest\n", "fastest"},
                        {"3", "of the worker for which all of them took longest\n", "slowest"}}) {
    const TemporaryFolder folder;
    const std::string json = folder / "rows.json";
    const ProcessResult result = RunOnCpu(
        {"--workers", "3", "-b", "3K", "-e", "3K", "-n", "5", "-a", row.level, "--json", json});
    CheckRows(result, 1, 4.0 / 3);
    CHECK_THAT(result.out, Catch::Contains("# time: mean of the iterations, " + row.header));
    const auto written = ReadJson(json);
    CHECK(written.at(0).at("time_of") == row.name);
    CHECK(written.at(0).at("blocking") == false);
  }
  const ProcessResult result =
      RunOnCpu({"--workers", "3", "-b", "3K", "-e", "3K", "-n", "5", "-z", "1", "--median"});
  CheckRows(result, 1, 4.0 / 3);
  CHECK_THAT(result.out, Catch::Contains("took longest; after each, all wait for the device and "
                                         "each other\n"));
}

TEST_CASE("JSON's bandwidths are bytes over time, and four thirds of that for three workers") {
  const TemporaryFolder folder;
  const std::string json = folder / "rows.json";
  CheckRows(RunOnCpu({"--workers", "3", "-b", "1M", "-e", "4M", "-f", "2", "-n", "3", "-w", "1",
                      "--json", json}),
            3, 4.0 / 3);
  for (const auto& row : ReadJson(json)) {
    const double bytes = row.at("size"), us = row.at("time_us");
    CHECK(row.at("algbw_gb_per_s").get<double>() == Approx(bytes / us / 1e3));
    CHECK(row.at("busbw_gb_per_s").get<double>() == Approx(bytes / us / 1e3 * 4 / 3));
  }
}

TEST_CASE("Workers that are processes: tools/launch and mpirun") {
  for (const char* name : {"tools/launch", "Open MPI"}) {
    const Starter& starter = FindStarter(name);
    if (!starter.Installed()) continue;
    for (const char* kind : {"allreduce", "alltoall"}) {
      CAPTURE(name, kind);
      const Arguments flags{"--device", "cpu", "--collective", kind, "-b", "4",  "-e",
                            "4M",       "-f",  "1024",         "-n", "3",  "-w", "1"};
      const std::vector<ProcessResult> results =
          Job(starter.command_lines(2, AllReduceCommand(flags))).Wait();
      const bool whole = std::string(kind) == "allreduce";
      CheckRows(results[0], 3, whole ? 1 : 0.5);
      CHECK_THAT(results[0].out, Catch::Contains(std::string("# ") + kind + " over gloo, 2 "));
    }
  }
}

TEST_CASE("Under a launcher each process is one worker: -t and -g cannot ask for more") {
  const Starter& starter = FindStarter("tools/launch");
  const std::vector<ProcessResult> results =
      Job(starter.command_lines(2, AllReduceCommand({"--device", "cpu", "-t", "2", "-g", "2"})))
          .Wait();
  CHECK(results[0].status != 0);
  CHECK_THAT(results[0].err + results[0].out,
             Catch::Contains("[allreduce] -t 2 -g 2 asks for 4 workers in each process, but under "
                             "a launcher (tools/launch) each process is one worker; leave them "
                             "out, and start 8 processes"));
  const Arguments single{"--device", "cpu", "-t", "1", "-g", "1", "-b", "4", "-e", "4", "-n", "1"};
  CheckRows(Job(starter.command_lines(2, AllReduceCommand(single))).Wait()[0], 1, 1);
}

TEST_CASE("A link's rate is the most that the table shows, in one phase and in two") {
  const Arguments hosts{"tests/hosts/hosts", "--hosts", "3", "--rate", "20mbit"};
  Arguments dry = hosts;
  dry.push_back("true");
  if (const ProcessResult result = RunProcess(dry); result.status != 0) {
    std::fputs(result.out.c_str(), stdout);
    return;
  }
  const TemporaryFolder folder;
  const std::string file = folder.Write("hosts", "10.77.0.1\n10.77.0.2\n10.77.0.3\n");
  for (const char* kind : {"allreduce", "allgather"}) {
    Arguments command = hosts;
    for (const std::string& word :
         {std::string("tools/launcher/launcher"), std::string("--hosts"), file,
          std::string("--ssh"), std::string("ip netns exec"), std::string("--")}) {
      command.push_back(word);
    }
    for (const std::string& word : AllReduceCommand({"--device", "cpu", "--collective", kind, "-b",
                                                     "600K", "-e", "600K", "-n", "2", "-w", "1"})) {
      command.push_back(word);
    }
    CAPTURE(kind);
    const ProcessResult result = RunProcess(command);
    CheckRows(result, 1, std::string(kind) == "allreduce" ? 4.0 / 3 : 2.0 / 3);
    const std::vector<PrintedRow> rows = RowsOf(result.out);
    REQUIRE(rows.size() == 1);
    // 20 Mbit/s are 0.0025 GB/s; what is in buckets and queues at the end is not waited for.
    CHECK(rows[0].busbw < 0.0025 * 1.5);
  }
}

TEST_CASE("Flags that make no sense are refused with the way out") {
  struct Row {
    Arguments flags;
    std::string message;
  };
  const std::string bytes = " wants a number of bytes, at most 1024G, such as 8, 64K, 25M or 1G; ";
  for (const Row& row : std::vector<Row>{
           {{"-b", "8X"}, "[allreduce] -b,--minbytes" + bytes + "got '8X'"},
           {{"-b", "1G", "-e", "1M"},
            "[allreduce] the smallest size, 1073741824 bytes (-b), is above the largest, 1048576 "
            "bytes (-e)"},
           {{"-b", "0", "-f", "2"},
            "[allreduce] sizes from 0 to 33554432 bytes never get there by a factor of 2; give -f "
            "a start (-b) above 0, or -i a number of bytes above 0"},
           {{"-f", "1"},
            "[allreduce] -f,--stepfactor wants a number from 2 to 1,000,000,000; got 1"},
           {{"-n", "0"}, "[allreduce] -n,--iters wants a number from 1 to 1,000,000,000; got 0"},
           {{"-n", "many"}, "Could not convert: --iters = many (--help lists the flags)"},
           {{"-o", "mean"}, "[allreduce] -o,--op knows sum, max, min, avg, all; got 'mean'"},
           {{"-o", "prod"},
            "[allreduce] -o,--op: no collective of Convoy's has 'prod', which training does not "
            "need; take sum, max, min, avg or all"},
           {{"-o", "avg", "-d", "int32"},
            "[allreduce] -o avg wants a floating-point datatype (-d), since Convoy divides no "
            "whole numbers; got int32"},
           {{"-t", "2", "--workers", "2"},
            "[allreduce] -t 2 -g 1 asks for 2 workers in this process, and --workers 2 for as many "
            "as it says; give only one of the two"},
           {{"-t", "0"}, "[allreduce] -t,--nthreads wants a number from 1 to 1,000,000,000; got 0"},
           {{"-t", "100000", "-g", "100000"}, "[Launch] --workers wants at most 1024, got "},
           {{"-z", "2"}, "[allreduce] -z,--blocking wants a number from 0 to 1; got 2"},
           {{"-a", "4"}, "[allreduce] -a,--average wants a number from 0 to 3; got 4"},
           {{"-d", "fp8"}, "; got 'fp8'"},
           {{"--collective", "gather"},
            "[allreduce] --collective knows allgather, allreduce, alltoall, broadcast, "
            "reducescatter; got 'gather'"},
           {{"-r", "2", "--workers", "2"},
            "[allreduce] -r 2 is none of the 2 workers, which are counted from 0"},
           {{"--json", "/no/such/folder/rows"},
            "[--json] cannot write '/no/such/folder/rows': there is no folder '/no/such/folder'"},
           {{"-b", "900G", "-e", "900G", "--workers", "2"},
            "[allreduce] 966367641600 bytes are too much for "},
           {{"-b", "900G", "-e", "900G", "--workers", "2"},
            ": its 2 workers take 1800.0 GiB of memory, of which "}}) {
    const ProcessResult result = RunOnCpu(row.flags);
    CAPTURE(row.flags, result.out, result.err);
    CHECK(result.status != 0);
    CHECK(RowsOf(result.out).empty());
    CHECK_THAT(result.err, Catch::Contains("allreduce: ") && Catch::Contains(row.message));
  }
}

}  // namespace
}  // namespace convoy::collectives
