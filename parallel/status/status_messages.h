// What the status pages of a job's processes tell each other, as frames.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "parallel/group/signature.h"
#include "parallel/status/status_page.h"

namespace convoy::status {

/// A process, for messages: "pid 1234 on host node7".
struct ProcessName {
  std::string host;
  int32_t pid = 0;

  std::string ToString() const;
  static ProcessName Own();
};

// --- From a worker to worker 0
// ---------------------------------------------------------------------

/// The first frame of a link.
struct StatusJoin {
  int32_t size = 0;  ///< workers, as this one believes
  ProcessName process;
};

/// What the worker has done; also says that it is alive.
struct StatusUpdate {
  StatusPage::State state = StatusPage::State::kAbsent;
  uint64_t ready = 0;
  std::string what;  ///< the last one started
  /// Since the last update, by rising number.
  std::vector<std::pair<uint64_t, CollectiveSignature>> started;
  std::string in_subgroup;  ///< the last one started there since the last update; empty: none
};

/// The worker has waited too long, and does not know for whom.
struct StatusLate {
  StatusPage::Late late;
};

// --- Both ways
// -------------------------------------------------------------------------------------

/// The run has failed.
struct StatusFailure {
  std::string text;
};

// --- From worker 0 to the others
// -------------------------------------------------------------------

/// This worker cannot take part.
struct StatusRefusal {
  std::string text;
  bool later = false;  ///< the run has all its workers: this one may belong to the next
};

/// The workers whose state has changed. The first one, with all, says that the worker is in.
struct StatusStates {
  struct Entry {
    int32_t rank = 0;
    StatusPage::State state = StatusPage::State::kAbsent;
    uint64_t started = 0;  ///< collectives
    std::string how_died;
  };
  std::vector<Entry> entries;
};

/// All workers have joined.
struct StatusComplete {};

/// What worker 0 has published.
struct StatusAddress {
  std::array<char, StatusPage::kAddressBytes> bytes{};
};

/// Worker 0 itself is about to print why the run has failed.
struct StatusReport {};

using StatusMessage =
    std::variant<StatusJoin, StatusUpdate, StatusLate, StatusFailure, StatusRefusal, StatusStates,
                 StatusComplete, StatusAddress, StatusReport>;

/// Texts that are too long for a status page are cut.
std::string Frame(const StatusMessage& message);
/// None if `body` is not exactly one. Never throws on bad input.
std::optional<StatusMessage> ParseStatusMessage(std::string_view body);

}  // namespace convoy::status
