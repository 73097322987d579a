// The processes of a job meet: from a place that all know to a store and status pages that agree.
#pragma once

#include <memory>
#include <string>

#include "parallel/rendezvous/meeting_place.h"
#include "parallel/status/status_client.h"
#include "parallel/status/status_page.h"
#include "parallel/status/status_server.h"
#include "parallel/store/store_server.h"
#include "parallel/store/tcp_store.h"

namespace convoy::rendezvous {

/// One process's part of a job whose processes have met. To be dropped after the worker has put
/// onto the status page that it has finished, or that the run has failed; the last thing that
/// worker 0 does is to wait, for some seconds, until the others have heard of it.
struct JobConnections {
  std::unique_ptr<status::StatusServer> status_server;  ///< worker 0's
  std::unique_ptr<store::StoreServer> server;           ///< worker 0's
  std::shared_ptr<store::TcpStore> store;
  std::unique_ptr<status::StatusClient> status_client;  ///< of all but worker 0
  std::string secret;  ///< what all of the job know, and nobody else
};

/// Meets the other processes of the job, each with another `rank`; `page`, whose size is the
/// number of workers, is this process's own and agrees with theirs from then on. Returns when all
/// have come.
/// Throws: Error naming who has not come within `timeout_s`, whose rank is taken twice, or who
/// believes in another size; or why worker 0 was not found.
JobConnections MeetJob(const MeetingPlace& place, int rank,
                       const std::shared_ptr<status::StatusPage>& page, double timeout_s);

}  // namespace convoy::rendezvous
