// tools/launch: starts a command as N workers on one or several hosts.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <exception>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/exit_status.h"
#include "core/base/output_file.h"
#include "core/base/standard_streams.h"
#include "core/error_text.h"
#include "parallel/launch/supervise/spawn.h"
#include "tools/launcher/agent.h"
#include "tools/launcher/host_file.h"
#include "tools/launcher/job.h"

namespace convoy::launcher {
namespace {

constexpr int kMaxWorkers = 65536;
constexpr int kMaxPort = 65535;

int ParseCount(const char* flag, const std::string& text, int max) {
  int value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  CheckUsage(error == std::errc() && rest == end && value >= 1 && value <= max,
             "[tools/launch] {}: expected a whole number from 1 to {}, got '{}'; --help explains "
             "the flags",
             flag, max, text);
  return value;
}

constexpr int kMaxSeconds = 1000000;

double ParseSeconds(const std::string& text) {
  std::istringstream stream(text);
  double value = 0;
  const bool read = static_cast<bool>(stream >> value) && stream.eof();
  CheckUsage(read && std::isfinite(value) && value >= 0 && value <= kMaxSeconds,
             "[tools/launch] --timeout: expected seconds from 0 to {}, got '{}'; --help explains "
             "the flags",
             kMaxSeconds, text);
  return value;
}

std::vector<std::string> Words(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

// What other hosts' workers need to know of this one's environment. CONVOY_HOST holds for one host.
std::vector<std::string> ForwardedVariables(const std::vector<std::string>& asked) {
  std::vector<std::string> names = asked;
  for (const std::string& variable : launch::EnvironmentWithout({})) {
    const std::string name = variable.substr(0, variable.find('='));
    const bool own = name == "CONVOY_RENDEZVOUS" || name == "CONVOY_SECRET" ||
                     name == "CONVOY_LAUNCHER" || name == "CONVOY_WORKER" || name == "CONVOY_HOST";
    for (const char* prefix : {"CONVOY_", "NCCL_", "GLOO_", "OMP_"}) {
      if (name.starts_with(prefix) && !own) names.push_back(name);
    }
  }
  return names;
}

class UsageFormatter : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App*, std::string) const override {
    return "Usage: tools/launch --workers N [FLAG]... -- COMMAND [ARGUMENT]...\n";
  }
};

int Main(const std::vector<std::string>& flags, std::vector<std::string> command,
         bool has_command) {
  CLI::App app{
      "Starts COMMAND as N workers that train together, on this host or on several over ssh.\n"
      "Worker 2's lines are marked [2]. If one fails the others are ended, the first cause is\n"
      "printed, and its exit status is this one's. Ctrl-C reaches the workers; twice kills them."};
  app.name("tools/launch");
  app.formatter(std::make_shared<UsageFormatter>());
  app.footer(
      "Exit status: 0 if all workers ended with 0; 2 for a wrong command line; 126 or 127 if "
      "COMMAND\n"
      "cannot be started; 128 + N if the workers stopped early on signal N, or died of it; 255 if "
      "a\n"
      "host was lost; else that of the worker that failed first.");
  std::string workers, hosts, timeout, silence, port, ssh;
  std::vector<std::string> env;
  bool no_prefix = false;
  app.add_option("--workers", workers, "Workers in all [with --hosts: as many as it has slots]")
      ->type_name("N");
  app.add_option("--hosts", hosts, "A file of lines `HOST [slots=N]`, filled in order [this host]")
      ->type_name("FILE");
  app.add_option(
         "--timeout", timeout,
         "Seconds that the others have to end by themselves when a worker has failed, until "
         "SIGTERM, and again until SIGKILL [5]")
      ->type_name("S");
  app.add_option("--silence", silence,
                 "Seconds that workers on other hosts go on without hearing of this launcher, as "
                 "while it is stopped (Ctrl-Z) [900]")
      ->type_name("S");
  app.add_flag("--no-prefix", no_prefix, "Pass output on as it comes, without [rank]");
  app.add_option("--port", port, "Where workers of several hosts meet on the first [a free one]")
      ->type_name("P");
  app.add_option("--env", env, "A variable that workers on other hosts get too; may be repeated")
      ->type_name("NAME");
  app.add_option("--ssh", ssh,
                 "What is run with a host, a program and its arguments [ssh -o BatchMode=yes]")
      ->type_name("CMD");
  std::vector<std::string> reversed(flags.rbegin(), flags.rend());
  try {
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help
    throw UsageError(fmt::format("[tools/launch] {}; --help explains the flags", error.what()));
  }
  JobOptions options{.prefix = !no_prefix, .env = ForwardedVariables(env)};
  CheckUsage(has_command && !command.empty() && !command[0].empty(),
             "[tools/launch] expected `-- COMMAND [ARGUMENT]...` after the flags, got {}; for "
             "example: tools/launch --workers 4 -- ./train --steps 100",
             has_command ? "nothing after --" : "no --");
  options.command = std::move(command);
  if (!timeout.empty()) options.timeout_s = ParseSeconds(timeout);
  if (!silence.empty()) options.silence_s = ParseCount("--silence", silence, kMaxSeconds);
  if (!port.empty()) options.port = ParseCount("--port", port, kMaxPort);
  options.ssh = Words(ssh.empty() ? "ssh -o BatchMode=yes -o ConnectTimeout=30 -o "
                                    "ServerAliveInterval=10 -o ServerAliveCountMax=3"
                                  : ssh);
  CheckUsage(!options.ssh.empty(),
             "[tools/launch] --ssh: expected a program, got ' '; leave it "
             "out for ssh itself");
  const auto wants_hosts = [&](const char* flag, bool given, const char* without) {
    CheckUsage(
        !given || !hosts.empty(),
        "[tools/launch] {}: expected --hosts FILE beside it, as workers of this host {}, got "
        "none; leave it out, or give --hosts",
        flag, without);
  };
  wants_hosts("--ssh", !ssh.empty(), "need no ssh");
  wants_hosts("--env", !env.empty(), "get all variables");
  wants_hosts("--silence", !silence.empty(), "notice at once when the launcher ends");
  if (!hosts.empty()) options.hosts = ReadHostFile(hosts);
  if (!workers.empty()) {
    options.workers = ParseCount("--workers", workers, kMaxWorkers);
  } else {
    CheckUsage(!options.hosts.empty(),
               "[tools/launch] expected --workers N or --hosts FILE, got neither; for example: "
               "tools/launch --workers 4 -- ./train");
    options.workers = 0;
    for (const Host& host : options.hosts) options.workers += host.slots;
  }
  return RunJob(options);
}

}  // namespace
}  // namespace convoy::launcher

int main(int argc, char** argv) {
  convoy::OpenStandardStreams();  // pipes that are made later must not take their places
  convoy::ReportFileSizeLimit();
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments == std::vector<std::string>{"--agent"}) return convoy::launcher::RunAgent();
  const auto dashes = std::find(arguments.begin(), arguments.end(), "--");
  const bool has_command = dashes != arguments.end();
  try {
    return convoy::launcher::Main({arguments.begin(), dashes},
                                  {has_command ? dashes + 1 : dashes, arguments.end()},
                                  has_command);
  } catch (const convoy::launch::SpawnError& error) {
    convoy::WriteErrorLine("error: " + convoy::ErrorText(error));
    return error.status();
  } catch (const convoy::UsageError& error) {
    convoy::WriteErrorLine("error: " + convoy::ErrorText(error));
    return convoy::kExitUsage;
  } catch (const std::exception& error) {
    convoy::WriteErrorLine("error: " + convoy::ErrorText(error));
    return convoy::kExitFailed;
  }
}
