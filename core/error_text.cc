// What an exception says to a user, when it is none of the library's own.
#include "core/error_text.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>

#include "core/backend.h"

namespace convoy {
namespace {

std::string MiB(double bytes) { return fmt::format("{:.1f} MiB", bytes / (1 << 20)); }

// Of this process's address space and of what is really there; 0 if the system does not tell.
struct HostMemory {
  double mapped = 0;
  double resident = 0;
};

HostMemory MemoryInUse() {
  HostMemory memory;
  if (std::FILE* file = std::fopen("/proc/self/statm", "r")) {
    long mapped = 0, resident = 0;
    if (std::fscanf(file, "%ld %ld", &mapped, &resident) == 2) {
      const double page = static_cast<double>(sysconf(_SC_PAGESIZE));
      memory = {static_cast<double>(mapped) * page, static_cast<double>(resident) * page};
    }
    std::fclose(file);
  }
  return memory;
}

std::string Limit(int resource, const char* name) {
  rlimit limit{};
  if (getrlimit(static_cast<__rlimit_resource_t>(resource), &limit) != 0) return {};
  if (limit.rlim_cur == RLIM_INFINITY) return {};
  return fmt::format(" (at most {}: {})", MiB(static_cast<double>(limit.rlim_cur)), name);
}

// The most that tensors have had: who catches an exception has freed much of it already.
double TensorBytes() {
  double bytes = 0;
  for (int k = 0, cpus = static_cast<int>(std::thread::hardware_concurrency()); k < cpus; ++k) {
    bytes += static_cast<double>(GetBackend(DeviceType::kCpu).Stats(Device::Cpu(k)).peak_bytes);
  }
  return bytes;
}

}  // namespace

std::string ErrorText(const std::exception& error) {
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) {
    const HostMemory memory = MemoryInUse();
    return fmt::format(
        "[memory] the host has no more memory for this process: its tensors took up to {}, and it "
        "holds {}, in an address space of {}{}. Use a smaller batch, more micro-batches or fewer "
        "workers, or raise the limit",
        MiB(TensorBytes()), MiB(memory.resident), MiB(memory.mapped),
        Limit(RLIMIT_AS, "ulimit -v"));
  }
  if (dynamic_cast<const std::length_error*>(&error) != nullptr) {
    return fmt::format("[memory] a number that was given asks for more than any memory ({})",
                       error.what());
  }
  const auto* system = dynamic_cast<const std::system_error*>(&error);
  if (system != nullptr && system->code() == std::errc::resource_unavailable_try_again) {
    return fmt::format(
        "[threads] the system starts no more threads for this process or user ({}). Use fewer "
        "--threads or --workers, or raise the limit (ulimit -u, ulimit -v)",
        error.what());
  }
  const std::string text = error.what();
  const bool explained = text.find("ulimit -n") != std::string::npos;
  // "Too many open files", or with a small letter within a sentence. ENFILE's text goes on: "... in
  // system", whose limit is no process's own.
  const bool of_all = text.find(std::strerror(ENFILE) + 1) != std::string::npos;
  if (!explained && !of_all && text.find(std::strerror(EMFILE) + 1) != std::string::npos) {
    return text +
           "; this process has as many files and connections open as it may: use fewer workers, or "
           "raise the limit (ulimit -n)";
  }
  return text;
}

}  // namespace convoy
