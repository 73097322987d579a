// The transports, by name: each registers itself, and Launch takes the one that fits.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/device.h"
#include "parallel/group/process_group.h"
#include "parallel/status/peers.h"
#include "parallel/status/run_status.h"
#include "parallel/store/store.h"

namespace convoy::transport {

/// How the workers of a run are spread over processes.
enum class WorkerLayout {
  kAlone,      ///< one worker
  kThreads,    ///< several, all of them threads of this process
  kProcesses,  ///< several, each a process of its own, perhaps on several hosts
};

/// What a transport is given to connect the workers of this process with all others.
struct TransportContext {
  std::shared_ptr<status::RunStatus> run;
  double timeout_s = 60;  ///< how long a worker waits for another one
  /// The run's key-value store. Null for the workers of one host that RunProcesses has started:
  /// they have the status page alone.
  std::shared_ptr<store::Store> store;
  /// The address at which the other workers reach this process, found out when it is asked for.
  std::function<std::string()> local_host;
  /// What all workers of the run know, and nobody else. Null where `store` is. Call it once:
  /// between threads each call draws another secret, which takes a millisecond.
  std::function<std::string()> secret;
};

/// A way to move data between workers. To add one: implement this and CheckedGroup in a folder
/// beside the others, and register it from a static initialiser.
class Transport {
 public:
  virtual ~Transport() = default;

  /// As --transport takes it: "gloo".
  virtual std::string name() const = 0;
  virtual status::TransportTitle title() const = 0;

  /// How well this transport suits workers on such devices in this layout; 0: it cannot connect
  /// them. With --transport auto, Launch takes the transport with the highest value.
  virtual int Preference(DeviceType device, WorkerLayout layout) const = 0;

  /// Throws: Error saying what is missing, or too old, on this machine.
  virtual void Check() {}
  /// A description of `cuda:gpu` for messages, unique among all GPUs of all hosts: "NVIDIA H200,
  /// GPU-1d2c3b4a-...". A transport for GPUs must override it. Throws: Error if it cannot be used.
  virtual std::string Identify(int gpu);

  /// Makes a worker's end of the group of all workers, and returns when all have joined. Called
  /// once by each worker's thread.
  /// Throws: Error naming the workers that have not joined in time.
  using Join = std::function<std::shared_ptr<ProcessGroup>(int rank, Device device)>;
  /// Called once in each process, before its workers start.
  virtual Join Open(const TransportContext& context) = 0;
};

/// Makes a transport known; called by a static initialiser of its library. It takes the place of
/// one of the same name.
void RegisterTransport(Transport* transport);

/// The transport called `name`, or for "auto" the preferred one.
/// Throws: UsageError if there is none of that name; Error if it does not connect such workers, or
/// if nothing does. The messages list what there is.
Transport& FindTransport(const std::string& name, DeviceType device, WorkerLayout layout);

/// The names of all transports, for --help: "gloo, inprocess, solo".
std::string TransportNames();

/// Throws: UsageError unless `name` is "auto" or the name of a transport.
void CheckTransportName(const std::string& name);

}  // namespace convoy::transport
