// Worker 0's end of all StatusClients: what the others report comes onto its status page.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "parallel/net/frame_server.h"
#include "parallel/status/status_messages.h"
#include "parallel/status/status_page.h"

namespace convoy::status {

/// Writes what comes from the links onto worker 0's status page, which so knows all, and tells the
/// others only what is rare and small: states, the address, the first failure. Compares what the
/// workers give as the same collective. A link that breaks before its worker has finished or failed
/// is a worker that is dead.
class StatusServer final : public net::FrameService {
 public:
  explicit StatusServer(std::shared_ptr<StatusPage> page);

  /// Says who is missing when collective `number`, described by `what`, has not ended after
  /// `seconds` for a worker that cannot know. Called on the server's thread, and no more once this
  /// returns after having set another or none.
  using WhyLate =
      std::function<std::string(uint64_t number, const std::string& what, double seconds)>;
  void set_why_late(WhyLate why_late);

  /// Tells the others, once they know of the failure, that worker 0 prints the report. Its process
  /// may know of it long before, while its worker computes, or waits in a write. From any thread.
  void WillReport() { will_report_ = true; }

  /// Who has not joined yet. From any thread.
  std::vector<int> Missing() const;

  /// The address of this machine at which that worker, which has joined, has reached it. From any
  /// thread.
  std::string local_host(int rank) const;

  void Closed(net::FrameConnection& peer, const std::string& why) override;
  bool Received(net::FrameConnection& peer, std::string_view body) override;
  TimePoint NextTick() const override { return next_; }
  void Tick(TimePoint now) override;
  bool MayEnd() const override;
  void OnServerFailure(const std::string& why) override;

 private:
  struct Link {
    net::FrameConnection* peer = nullptr;  // while it is there
    std::optional<ProcessName> process;    // once it has joined
    std::string local_host;                // where it has come to
  };
  struct Given {
    uint64_t number = 0;
    int rank = 0;
    CollectiveSignature signature;
  };

  bool Join(net::FrameConnection& peer, const StatusJoin& join);
  std::string WhyNot(int rank, const StatusJoin& join) const;
  void Update(int rank, const StatusUpdate& update);
  void Late(int rank, const StatusPage::Late& late);
  void Compare(int rank, uint64_t number, const CollectiveSignature& signature);
  void CompareOwn();
  StatusStates::Entry EntryOf(int rank) const;
  void Tell(const StatusMessage& message);

  const std::shared_ptr<StatusPage> page_;
  mutable std::mutex mutex_;  // of who has joined, and where
  std::vector<Link> links_;   // by rank
  int joined_ = 1;            // worker 0 is here
  std::mutex why_late_mutex_;
  WhyLate why_late_;
  std::atomic<bool> will_report_{false};

  std::vector<StatusPage::State> told_;  // by rank
  TimePoint told_at_{};                  // states, perhaps of nobody: then it says that it is alive
  bool told_address_ = false, told_failure_ = false, told_report_ = false;
  uint64_t compared_ = 0;     // of worker 0's own collectives
  std::vector<Given> given_;  // by number, the first that came
  TimePoint next_{};
};

}  // namespace convoy::status
