// What the core needs of a kind of device: memory, copies, and the sums that autograd does itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "core/device.h"
#include "core/dtype.h"

namespace convoy {

/// Counters of one device's allocator, in bytes of the blocks handed out or held.
struct MemoryStats {
  int64_t current_bytes = 0;   ///< in use by tensors
  int64_t peak_bytes = 0;      ///< highest current_bytes since start or ResetPeak
  int64_t reserved_bytes = 0;  ///< in use, or cached for reuse
  int64_t allocations = 0;     ///< requests served
  int64_t cache_hits = 0;      ///< of these, served from the cache
};

/// Bytes on their way from a device to the host (core/readback.h is the way to use one).
class HostCopy {
 public:
  virtual ~HostCopy() = default;
  virtual bool Done() = 0;
  /// The bytes; the host waits if they are not there yet.
  virtual const void* Wait() = 0;
};

/// A piece of a device's work that was recorded once, to be started as one.
class Recording {
 public:
  virtual ~Recording() = default;
  /// Gives all of it to the device's current stream. The host does not wait. Streams of random
  /// numbers go on as if the work were done for the first time.
  virtual void Replay() = 0;
};

/// One per DeviceType; every method is safe to call from several threads. Work is ordered as the
/// device orders it (at once on CPU; on the current stream on a GPU).
class Backend {
 public:
  virtual ~Backend() = default;

  /// Devices that can be used now. 0: `why`, unless null, gets the reason and the way out.
  virtual int DeviceCount(std::string* why = nullptr) = 0;
  /// What the device is, for people: "NVIDIA H200".
  virtual std::string Describe(Device device) = 0;
  /// How often this process has waited for a device of this kind so far.
  virtual int64_t HostWaits() = 0;
  /// The host waits until `device` has finished all work given to it by this thread.
  virtual void Synchronize(Device device) = 0;

  /// Uninitialised memory, aligned to 64 bytes or more; `bytes` may be 0.
  /// Throws: Error naming the device, the size wanted and the memory in use.
  virtual void* Allocate(Device device, size_t bytes) = 0;
  virtual void Free(Device device, void* pointer, size_t bytes) noexcept = 0;
  virtual MemoryStats Stats(Device device) = 0;
  virtual void ResetPeak(Device device) = 0;
  /// Returns cached blocks to the system.
  virtual void ReleaseCached(Device device) = 0;

  /// Copies between two places of this kind of device, or between one of it and host memory.
  virtual void Copy(Device to_device, void* to, Device from_device, const void* from,
                    size_t bytes) = 0;
  /// Starts a copy to the host behind the work given to `device` so far; `from` may be freed or
  /// overwritten by later work at once.
  virtual std::unique_ptr<HostCopy> StartCopyToHost(Device device, const void* from,
                                                    size_t bytes) = 0;
  virtual void Zero(Device device, void* to, size_t bytes) = 0;
  /// to[i] = value, converted to the dtype.
  virtual void Fill(Device device, void* to, DType dtype, double value, int64_t numel) = 0;
  /// to[i] += from[i] for `numel` elements of a floating dtype.
  virtual void AddInto(Device device, void* to, const void* from, DType dtype, int64_t numel) = 0;

  /// Runs `work`, whose kernels and copies on `device` are recorded and not carried out. Tensors
  /// made before that it uses must live as long as the recording; those that it makes and hands out
  /// stay valid, and each replay overwrites them. Only this thread is affected.
  /// Throws: Error if the device cannot record, or if `work` waits for the device.
  virtual std::unique_ptr<Recording> Record(Device device, const std::function<void()>& work) = 0;
  /// Whether this thread is in the `work` of a Record.
  virtual bool IsRecording() { return false; }
};

/// The backend of a kind of device. Throws: Error saying what is missing if there is none.
Backend& GetBackend(DeviceType type);

/// Installs a backend; called once, by a static initialiser of the backend's library.
void RegisterBackend(DeviceType type, Backend* backend);
bool HasBackend(DeviceType type);

}  // namespace convoy
