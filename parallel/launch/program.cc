// A whole `main`: from the command line to the exit status.
#include "parallel/launch/program.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "core/base/output_file.h"
#include "core/base/standard_streams.h"
#include "core/error_text.h"

namespace convoy {
namespace {

constexpr char kStatuses[] =
    "Exit status: 0 when all is done, 1 if something has failed, 2 for a wrong command line,\n"
    "128 + N if signal N came before all was done (130: Ctrl-C, 143: SIGTERM).";

int Complain(const std::string& name, const std::string& what, int status) {
  WriteErrorLine(name + ": " + what);
  return status;
}

// `status`, or kExitFailed in place of 0 if what the program has printed could not be written.
int AfterOutput(const std::string& name, int status) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return status;
  return Complain(name, "[output] writing to standard output failed: is the disk full?",
                  status == 0 ? kExitFailed : status);
}

}  // namespace

int RunProgram(CLI::App& app, int argc, char** argv, const std::string& name,
               const std::function<int()>& work) {
  OpenStandardStreams();
  ReportFileSizeLimit();
  if (app.get_footer().empty()) app.footer(kStatuses);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return AfterOutput(name, app.exit(error));  // --help
    return Complain(name, fmt::format("{} (--help lists the flags)", error.what()), kExitUsage);
  } catch (const std::exception& error) {  // of a flag that checks its value
    return Complain(name, error.what(), kExitUsage);
  }
  try {
    return AfterOutput(name, work());
  } catch (const UsageError& error) {
    return Complain(name, error.what(), kExitUsage);
  } catch (const ReportedError&) {
    return kExitFailed;
  } catch (const std::exception& error) {
    return Complain(name, ErrorText(error), kExitFailed);
  }
}

}  // namespace convoy
