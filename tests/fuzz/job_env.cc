// A launcher's variables, a line NAME=VALUE each: read, or refused with a way out.
#include "core/base/error.h"
#include "parallel/launch/env/launcher_env.h"
#include "tests/fuzz/fuzz.h"

namespace convoy {
namespace {

EnvMap ParseLines(std::string_view rest) {
  EnvMap env;
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
    const size_t equals = line.find('=');
    // The kernel passes on no zero bytes.
    if (equals == line.npos || line.find('\0') != line.npos) continue;
    env.emplace(line.substr(0, equals), line.substr(equals + 1));
  }
  return env;
}

void CheckJob(const launch::LauncherEnv& job) {
  Require(job.size >= 2 && job.rank >= 0 && job.rank < job.size, "a rank of several");
  Require(!job.local_size || (*job.local_size >= 1 && *job.local_size <= job.size), "a part of it");
  Require(!job.local_rank || *job.local_rank < job.local_size.value_or(job.size), "a local rank");
  const rendezvous::MeetingPlace& place = job.place;
  if (place.kind == rendezvous::MeetingPlace::Kind::kAddress) {
    Require(place.port >= 1 && place.port <= 65535 && !place.host.empty(), "an address");
    Require(place.secret.size() >= 16, "a secret that is none to guess");
  } else {
    Require(!place.name.empty(), "a name");
    Require(place.kind != rendezvous::MeetingPlace::Kind::kLocal || place.name.size() <= 64,
            "a short name");
  }
}

}  // namespace
}  // namespace convoy

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  using namespace convoy;
  try {
    const auto job = launch::ReadLauncherEnv(ParseLines(AsText(data, bytes)),
                                             [](const std::string&) { return std::string("1-2"); });
    if (job) CheckJob(*job);
  } catch (const Error& error) {
    const std::string_view what = error.what();
    Require(what.starts_with("[Launch] ") && what.find("expected ") != what.npos &&
                what.find("; ") != what.npos,
            "an error says what was expected, and the way out");
  }
  return 0;
}
