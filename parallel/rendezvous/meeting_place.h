// Where the processes of a job find each other.
#pragma once

#include <string>

namespace convoy::rendezvous {

/// What every process of a job knows before they have spoken: the way to rank 0's store.
struct MeetingPlace {
  enum class Kind {
    kAddress,  ///< rank 0 listens at host:port; all know the secret
    kLocal,    ///< all on one machine, same user: an abstract Unix socket named after the job gives
               ///< port and secret to processes of the same user, and leaves no file
    kFile,     ///< rank 0 writes host, port and secret into a file that all see (mode 0600)
  };
  Kind kind = Kind::kLocal;
  /// kAddress: rank 0's host name or address. kFile: the address of this machine that others reach
  /// (empty: its host name), used by rank 0. kLocal: loopback, always.
  std::string host;
  int port = 0;        ///< kAddress: as all know it. Else 0: rank 0 takes a free one
  std::string secret;  ///< kAddress: what authenticates every connection. Else rank 0 draws one
  std::string job;     ///< what tells this job from others with the same secret; empty: unknown
  std::string name;    ///< kLocal: what this job has of its own, like "slurm-1234.0"; kFile: path
};

}  // namespace convoy::rendezvous
