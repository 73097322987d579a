// Waits for messages that can be interrupted and resumed.
#include <chrono>
#include <mutex>

#include "parallel/transport/gloo/mesh.h"

namespace convoy::transport {
namespace {

// Gloo adds it to the time of now.
constexpr std::chrono::milliseconds kForever = std::chrono::hours(24 * 365);

}  // namespace

// Gloo cannot be asked whether a message has ended, only be waited for. To Gloo both Interrupt and
// Mesh::Abort are an abort, which ends a single wait.
bool MeshBuffer::WaitUnlessInterrupted() {
  for (; recvs_ > 0; --recvs_) {
    if (!buffer_->waitRecv(kForever)) return CheckNotAborted(), false;
  }
  for (; sends_ > 0; --sends_) {
    if (!buffer_->waitSend(kForever)) return CheckNotAborted(), false;
  }
  return true;
}

void MeshBuffer::Interrupt() {
  buffer_->abortWaitRecv();
  buffer_->abortWaitSend();
}

void MeshBuffer::CheckNotAborted() {
  const std::lock_guard lock(mesh_.mutex_);
  if (mesh_.aborted_) throw MeshAborted();
}

}  // namespace convoy::transport
