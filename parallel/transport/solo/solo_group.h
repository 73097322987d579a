// The group of a worker that is alone on any kind of device.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "parallel/group/checked_group.h"
#include "parallel/status/status_page.h"

namespace convoy::transport {

/// Nothing to add up and nobody to wait for: collectives are copies on the worker's device, in the
/// order of its work.
class SoloGroup final : public CheckedGroup {
 public:
  SoloGroup(Device device, std::shared_ptr<status::StatusPage> page)
      : device_(device), page_(std::move(page)) {}
  /// Of worker `worker` of a larger run, with a failure of its own: that of the run is not seen
  /// here.
  SoloGroup(Device device, int worker)
      : CheckedGroup({worker}), device_(device), page_(status::StatusPage::Make(1)) {}
  /// Of a run of its own.
  explicit SoloGroup(Device device) : SoloGroup(device, status::StatusPage::Make(1)) {}

  int rank() const override { return 0; }
  int size() const override { return 1; }
  std::string name() const override { return "solo"; }
  void Abort(const std::string& reason) noexcept override { page_->Fail(reason); }

 protected:
  Work Start(const CollectiveCall& call) override;
  Device device() const override { return device_; }
  std::shared_ptr<CheckedGroup> MakeSubgroup(uint64_t number, int color,
                                             const std::vector<int>& ranks) override;
  void CheckMemory(CollectiveKind kind, const Tensor& tensor) const override;

 private:
  class Message;

  const Device device_;
  const std::shared_ptr<status::StatusPage> page_;  // of all groups
  // Sent or received, and still without their other half, by tag.
  std::map<int, std::deque<std::shared_ptr<Message>>> messages_;
};

}  // namespace convoy::transport
