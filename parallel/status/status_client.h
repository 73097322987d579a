// Keeps the status page of one worker's process and that of worker 0 together.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "core/base/deadline.h"
#include "core/base/error.h"
#include "parallel/net/channel.h"
#include "parallel/status/status_messages.h"
#include "parallel/status/status_page.h"

namespace convoy::status {

/// The run that worker 0 has is complete: the next one may begin soon.
class MeetLater : public Error {
 public:
  using Error::Error;
};

/// A thread that looks at this process's status page and reports what its worker does to the
/// StatusServer in worker 0's process: at once what others wait for, the rest every 50 ms, and once
/// a second that it is alive. What comes back is written onto this status page: states, the
/// address, the first failure.
class StatusClient {
 public:
  /// Joins as `rank`, which is not 0, over a channel made for it; `page` is for this process
  /// alone. Throws: Error if worker 0 does not answer in time, or does not want this worker;
  /// MeetLater if that may change.
  StatusClient(std::shared_ptr<StatusPage> page, int rank, net::Channel channel,
               const Deadline& deadline);
  /// Reports what the worker did last. If it has neither finished nor failed, worker 0 takes it for
  /// dead.
  ~StatusClient();

  /// Whether all workers of the job have joined.
  bool complete() const { return complete_; }
  /// Whether worker 0 prints why the run has failed: it has said so itself.
  bool zero_reports() const { return zero_reports_; }

 private:
  using Clock = std::chrono::steady_clock;

  void Join(const Deadline& deadline);
  void Run();
  bool Push(bool last);
  bool PushFailure();
  bool PushLate(const std::optional<StatusPage::Late>& late);
  bool PushUpdate(bool last, const std::optional<StatusPage::Late>& late);
  bool SendFrame(const StatusMessage& message);
  bool Receive();
  bool Apply(const StatusMessage& message);
  void LoseServer(const char* why);
  void GiveUpOnLate();

  const std::shared_ptr<StatusPage> page_;
  const int rank_;
  net::Channel channel_;
  std::atomic<bool> stop_{false}, complete_{false}, zero_reports_{false};
  bool connected_ = true;
  bool forged_ = false;  // what came last was not what worker 0 has sent

  // What worker 0 knows.
  Clock::time_point pushed_at_{};
  StatusPage::State state_ = StatusPage::State::kAbsent;
  uint64_t started_ = 0, ready_ = 0, in_subgroups_ = 0, late_ = 0;
  bool failure_known_ = false;
  Clock::time_point late_at_{};

  std::thread thread_;
};

}  // namespace convoy::status
