// The processes of a job meet: from a place that all know to a store and status pages that agree.
#include "parallel/rendezvous/meeting.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/descriptor_limit.h"
#include "core/base/error.h"
#include "core/base/printable.h"
#include "parallel/group/rank_list.h"
#include "parallel/net/socket.h"
#include "parallel/rendezvous/file_meeting.h"
#include "parallel/rendezvous/unix_meeting.h"

namespace convoy::rendezvous {
namespace {

using Kind = MeetingPlace::Kind;

constexpr std::chrono::milliseconds kLook{2};
constexpr double kLongestPauseS = 0.2;
// Worker 0 says first who is missing; if it is stopped, all have still to end soon.
constexpr double kSlackS = 2;

[[noreturn]] void FailRun(status::StatusPage& page, const std::string& why) {
  page.Fail(why);
  throw Error(page.failure());
}

void WaitForAll(const status::StatusServer& status_server, status::StatusPage& page,
                double timeout_s) {
  for (const Deadline deadline(timeout_s);;) {
    if (page.failed()) throw Error(page.failure());
    const std::vector<int> missing = status_server.Missing();
    if (missing.empty()) return;
    for (int r = 0; r < page.size(); ++r) {  // no other process may take its rank
      if (page.state(r) != status::StatusPage::State::kDead) continue;
      FailRun(page, fmt::format("[Meet] worker {} {} before all had joined; {} {} not yet", r,
                                page.HowDied(r), RankList(missing),
                                missing.size() == 1 ? "has" : "have"));
    }
    if (deadline.passed()) {
      std::vector<int> here;
      for (int r = 0; r < page.size(); ++r) {
        if (std::find(missing.begin(), missing.end(), r) == missing.end()) here.push_back(r);
      }
      FailRun(page, fmt::format("[Meet] {} {} not joined within {:.1f} s; {} {}", RankList(missing),
                                missing.size() == 1 ? "has" : "have", deadline.elapsed_s(),
                                RankList(here), here.size() == 1 ? "has" : "have"));
    }
    std::this_thread::sleep_for(kLook);
  }
}

JobConnections Host(const MeetingPlace& place, const std::shared_ptr<status::StatusPage>& page,
                    double timeout_s) {
  const int connections = 2 * page->size();  // each worker has a store and a status client here
  CONVOY_CHECK(AllowDescriptors(connections),
               "[Meet] worker 0 wants {} connections to {} workers, and this process may not have "
               "so many files and connections open; raise the limit (ulimit -n)",
               connections, page->size());
  net::ServerAddress server{
      .secret = place.kind == Kind::kAddress ? place.secret : net::DrawSecret(), .job = place.job};
  net::FrameServerOptions options{
      .secret = server.secret, .job = server.job, .ranks = page->size()};
  options.forged = [page](int rank) {
    page->Fail(fmt::format(
        "[Meet] a frame from worker {} was changed, repeated or left out on its way: something "
        "between it and worker 0 alters what they send",
        rank));
  };
  if (place.kind != Kind::kLocal) options.host = place.host;
  if (place.kind == Kind::kAddress) options.port = place.port;

  JobConnections job{.status_server = std::make_unique<status::StatusServer>(page),
                     .secret = server.secret};
  job.server = std::make_unique<store::StoreServer>(options, job.status_server.get());
  server.port = job.server->port();
  std::optional<UnixMeetingServer> meeting;
  std::optional<MeetingFile> file;
  if (place.kind == Kind::kLocal) {
    meeting.emplace(place.name, server);
  } else if (place.kind == Kind::kFile) {
    server.host = place.host.empty() ? status::ProcessName::Own().host : place.host;
    if (place.host.empty() && !net::CanResolve(server.host)) server.host = job.server->host();
    file.emplace(place.name, server);
  }
  server.host = job.server->host();
  job.store = std::make_shared<store::TcpStore>(server, /*rank=*/0, timeout_s);
  WaitForAll(*job.status_server, *page, timeout_s);
  return job;
}

std::optional<net::ServerAddress> FindServer(const MeetingPlace& place, std::string& why) {
  switch (place.kind) {
    case Kind::kAddress:
      return net::ServerAddress{.host = place.host, .port = place.port, .secret = place.secret};
    case Kind::kLocal:
      return AskUnixMeeting(place.name, why);
    case Kind::kFile:
      break;
  }
  return ReadMeetingFile(place.name, why);
}

// A store and a status client at what the place says now; or why not.
std::optional<JobConnections> TryToJoin(const MeetingPlace& place, int rank,
                                        const std::shared_ptr<status::StatusPage>& page,
                                        const Deadline& deadline, std::string& why) {
  std::optional<net::ServerAddress> server = FindServer(place, why);
  if (!server) return {};
  server->job = place.job;
  const std::string where = net::AddressText(server->host, server->port);
  net::Channel::Failure failure;
  std::optional<net::Channel> store, status;
  if (place.kind == Kind::kAddress) {
    store = net::Channel::Connect(*server, net::Purpose::kStore, rank, deadline);
  } else {
    // What it says may be left from an earlier run: not to be tried for long.
    store = net::Channel::Try(*server, net::Purpose::kStore, rank, deadline, failure);
  }
  if (store) status = net::Channel::Try(*server, net::Purpose::kStatus, rank, deadline, failure);
  if (!status) {
    why = fmt::format("at {}: {}", Printable(where), failure.why);
    if (place.kind == Kind::kFile && net::IsLoopback(server->host)) {
      why +=
          "; that is each machine's name for itself: set CONVOY_HOST for worker 0 to an address "
          "of its machine";
    }
    return {};
  }
  try {
    // The status client comes last: worker 0 goes on when it has all of them.
    JobConnections job{
        .store = std::make_shared<store::TcpStore>(*std::move(store), where, deadline.allowed_s()),
        .secret = server->secret};
    job.status_client =
        std::make_unique<status::StatusClient>(page, rank, *std::move(status), deadline);
    return job;
  } catch (const status::MeetLater& later) {
    why = later.what();
    return {};
  }
}

std::string Where(const MeetingPlace& place) {
  switch (place.kind) {
    case Kind::kAddress:
      return fmt::format("at {}", net::AddressText(place.host, place.port));
    case Kind::kLocal:
      return fmt::format("of the job '{}' on this machine", place.name);
    case Kind::kFile:
      break;
  }
  return fmt::format("through the file '{}'", place.name);
}

JobConnections Find(const MeetingPlace& place, int rank,
                    const std::shared_ptr<status::StatusPage>& page, double timeout_s) {
  const Deadline deadline(timeout_s);
  for (double pause_s = 0.01;; pause_s = std::min(2 * pause_s, kLongestPauseS)) {
    std::string why;
    if (auto job = TryToJoin(place, rank, page, deadline, why)) return *std::move(job);
    // A try in the last moment would only find that there is no time for it.
    CONVOY_CHECK(deadline.remaining_s() > pause_s,
                 "[Meet] worker {} of {} has not found worker 0 {} within {:g} s ({}); is it "
                 "running?",
                 rank, page->size(), Where(place), timeout_s, why);
    std::this_thread::sleep_for(std::chrono::duration<double>(pause_s));
  }
}

JobConnections Join(const MeetingPlace& place, int rank,
                    const std::shared_ptr<status::StatusPage>& page, double timeout_s) {
  JobConnections job = Find(place, rank, page, timeout_s);
  for (const Deadline deadline(timeout_s + kSlackS); !job.status_client->complete();) {
    if (page->failed()) throw Error(page->failure());
    if (page->state(0) == status::StatusPage::State::kDead) {
      FailRun(*page, fmt::format("[Meet] worker 0 {} before all had joined", page->HowDied(0)));
    }
    if (deadline.passed()) {
      FailRun(*page,
              fmt::format("[Meet] not all workers have joined within {:.1f} s, and worker 0 does "
                          "not say who is missing",
                          deadline.elapsed_s()));
    }
    std::this_thread::sleep_for(kLook);
  }
  return job;
}

}  // namespace

JobConnections MeetJob(const MeetingPlace& place, int rank,
                       const std::shared_ptr<status::StatusPage>& page, double timeout_s) {
  CONVOY_CHECK(rank >= 0 && rank < page->size(), "[Meet] expected a rank of 0 to {}, got {}",
               page->size() - 1, rank);
  return rank == 0 ? Host(place, page, timeout_s) : Join(place, rank, page, timeout_s);
}

}  // namespace convoy::rendezvous
