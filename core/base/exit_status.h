// How programs end: the exit statuses that all of Convoy's have in common.
#pragma once

#include <fmt/core.h>

#include <utility>

#include "core/base/error.h"

namespace convoy {

inline constexpr int kExitFailed = 1;  ///< the work has failed; standard error says why
inline constexpr int kExitUsage = 2;   ///< the command line is wrong; nothing was done

/// Of a program that signal `signal` has ended before its work was done, as a shell gives it.
constexpr int SignalStatus(int signal) { return 128 + signal; }

/// Thrown on a command line that is wrong whatever the machine and its files are: an unknown flag,
/// a value that no flag takes, flags that exclude each other. The program ends with kExitUsage.
class UsageError : public Error {
 public:
  using Error::Error;
};

/// Thrown in place of an Error that another process prints, for example the one that has started
/// this process as a worker: the user would read it twice. RunProgram (parallel/launch/program.h)
/// ends with kExitFailed and prints nothing; other programs may do the same, or print it all the
/// same. Code that adds to the message of an Error and throws it anew must let this one pass as it
/// is.
class ReportedError : public Error {
 public:
  using Error::Error;
};

/// Throws: UsageError with the formatted message unless `condition` holds.
template <typename... Args>
void CheckUsage(bool condition, fmt::format_string<Args...> format, Args&&... args) {
  if (!condition) throw UsageError(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace convoy
