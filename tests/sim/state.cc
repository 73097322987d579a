// The simulated devices' own state, and what every call of the runtime does first.
#include "tests/sim/state.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace convoy::sim {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

// Things that outlive everything: streams' threads may still run while the process ends.
template <typename T>
T& Forever() {
  static T* const it = new T;
  return *it;
}

size_t Bytes(const char* text) {
  char* end = nullptr;
  size_t bytes = std::strtoull(text, &end, 10);
  if (*end == 'K') bytes <<= 10;
  if (*end == 'M') bytes <<= 20;
  if (*end == 'G') bytes <<= 30;
  return bytes;
}

// As the driver does: the first that does not exist ends the list.
void ShowOnly(const char* list, Settings& settings) {
  const int there = settings.devices.load(kRelaxed);
  int shown = 0;
  for (char* end; shown < there; list = end + (*end == ',')) {
    const int64_t identity = std::strtoll(list, &end, 10);
    if (end == list || identity < 0 || identity >= there) break;
    settings.identities[shown++].store(static_cast<int>(identity), kRelaxed);
  }
  settings.devices.store(shown, kRelaxed);
}

void ReadEnvironment(Settings& settings) {
  const auto get = [](const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr && *value != 0 ? value : nullptr;
  };
  const char* devices = get("CONVOY_SIM_DEVICES");
  settings.devices.store(devices ? std::clamp(std::atoi(devices), 0, kMaxDevices) : 0, kRelaxed);
  for (int i = 0; i < kMaxDevices; ++i) settings.identities[i].store(i, kRelaxed);
  if (const char* visible = std::getenv("CUDA_VISIBLE_DEVICES")) ShowOnly(visible, settings);
  const char* memory = get("CONVOY_SIM_MEMORY");
  settings.memory.store(memory ? Bytes(memory) : size_t{8} << 30, kRelaxed);
  const char* seed = get("CONVOY_SIM_SEED");
  settings.seed.store(seed ? std::strtoull(seed, nullptr, 10) : 1, kRelaxed);
  const char* driver = get("CONVOY_SIM_DRIVER");
  settings.driver.store(driver && !std::strcmp(driver, "missing") ? Driver::kMissing
                        : driver && !std::strcmp(driver, "old")   ? Driver::kOld
                                                                  : Driver::kPresent,
                        kRelaxed);
  settings.delay_one_in.store(16, kRelaxed);
  settings.delay_max_us.store(100, kRelaxed);
  settings.lag.store(Lag::kNothing, kRelaxed);
}

// Locked by the host only.
struct Injections {
  std::mutex mutex;
  std::map<std::string, std::map<int, int>> calls;  // function -> calls to go -> error
  std::atomic<bool> any{false};
  std::set<std::string> wait_sites;
  std::string dropped_site;
};

struct Devices {
  Devices() {
    for (int i = 0; i < kMaxDevices; ++i) devices[i].index = i;
  }
  Device devices[kMaxDevices];
};

thread_local int current_device = 0;
thread_local cudaError_t last_error = cudaSuccess;

}  // namespace

Settings& GetSettings() {
  static Settings* const settings = [] {
    auto* made = new Settings;
    ReadEnvironment(*made);
    return made;
  }();
  return *settings;
}

Device& GetDevice(int index) { return Forever<Devices>().devices[index]; }

int CurrentDevice() { return current_device; }
void SetCurrentDevice(int index) { current_device = index; }

cudaError_t Enter(const char* function) {
  if (const int injected = InjectedFailure(function)) return static_cast<cudaError_t>(injected);
  const Settings& settings = GetSettings();
  if (settings.driver.load(kRelaxed) != Driver::kPresent) return cudaErrorInsufficientDriver;
  if (settings.devices.load(kRelaxed) == 0) return cudaErrorNoDevice;
  return GetDevice(current_device).broken.load(kRelaxed);
}

cudaError_t Result(cudaError_t error) {
  if (error != cudaSuccess) last_error = error;
  return error;
}

cudaError_t LastError(bool clear) {
  const cudaError_t broken = GetDevice(current_device).broken.load(kRelaxed);
  const cudaError_t error = broken != cudaSuccess ? broken : last_error;
  if (clear) last_error = cudaSuccess;
  return error;
}

void Reset() {
  ReadEnvironment(GetSettings());
  LagStreams(Lag::kNothing);
  auto& injections = Forever<Injections>();
  {
    const std::lock_guard lock(injections.mutex);
    injections.calls.clear();
    injections.any.store(false, kRelaxed);
    injections.wait_sites.clear();
    injections.dropped_site.clear();
  }
  for (int i = 0; i < kMaxDevices; ++i) {
    GetDevice(i).until_broken.store(-1, kRelaxed);
    GetDevice(i).broken.store(cudaSuccess, kRelaxed);
  }
}

void SetDeviceCount(int count) {
  for (int i = 0; i < kMaxDevices; ++i) GetSettings().identities[i].store(i, kRelaxed);
  GetSettings().devices.store(std::clamp(count, 0, kMaxDevices), kRelaxed);
}
void SetDriver(Driver driver) { GetSettings().driver.store(driver, kRelaxed); }
void SetMemory(size_t bytes) { GetSettings().memory.store(bytes, kRelaxed); }
size_t MemoryInUse(int device) { return GetDevice(device).used.load(kRelaxed); }
void SetSeed(uint64_t seed) { GetSettings().seed.store(seed, kRelaxed); }
void SetDelays(int one_in, int max_us) {
  GetSettings().delay_one_in.store(one_in, kRelaxed);
  GetSettings().delay_max_us.store(max_us, kRelaxed);
}

void DropWaits(const char* site) {
  auto& injections = Forever<Injections>();
  const std::lock_guard lock(injections.mutex);
  injections.dropped_site = site == nullptr ? "" : site;
}

std::vector<std::string> WaitSites() {
  auto& injections = Forever<Injections>();
  const std::lock_guard lock(injections.mutex);
  return {injections.wait_sites.begin(), injections.wait_sites.end()};
}

bool SkipWait(const char* site) {
  auto& injections = Forever<Injections>();
  const std::lock_guard lock(injections.mutex);
  injections.wait_sites.insert(site);
  return injections.dropped_site == site;
}

int64_t HostSyncs() { return GetSettings().host_syncs.load(kRelaxed); }
int64_t PageableCopies() { return GetSettings().pageable_copies.load(kRelaxed); }
int64_t Operations() { return GetSettings().operations.load(kRelaxed); }

void FailCall(const std::string& function, int nth, int error) {
  auto& injections = Forever<Injections>();
  const std::lock_guard lock(injections.mutex);
  injections.calls[function][nth] = error;
  injections.any.store(true, kRelaxed);
}

int InjectedFailure(const char* function) {
  auto& injections = Forever<Injections>();
  if (!injections.any.load(kRelaxed)) return 0;
  const std::lock_guard lock(injections.mutex);
  const auto found = injections.calls.find(function);
  if (found == injections.calls.end()) return 0;
  int error = 0;
  std::map<int, int> left;
  for (const auto& [to_go, code] : found->second) {
    if (to_go == 1) {
      error = code;
    } else {
      left[to_go - 1] = code;
    }
  }
  found->second = std::move(left);
  if (found->second.empty()) injections.calls.erase(found);
  return error;
}

void FailDevice(int device, cudaError_t error, int64_t after) {
  Device& it = GetDevice(device);
  it.breaks_with.store(error, kRelaxed);
  if (after == 0) it.broken.store(error, kRelaxed);
  it.until_broken.store(after == 0 ? -1 : after, kRelaxed);
}

}  // namespace convoy::sim
