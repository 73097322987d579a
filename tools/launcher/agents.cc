// The launcher's connections to the agents of all hosts.
#include "tools/launcher/agents.h"

#include <poll.h>

#include <algorithm>
#include <cstdint>
#include <optional>

namespace convoy::launcher {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kPingEvery = std::chrono::seconds(5);  // or a tenth of the silence allowed

}  // namespace

Agents::Agents(const std::vector<HostShare>& shares, const JobOptions& options, OutputQueue& output)
    : options_(options) {
  for (const HostShare& share : shares) {
    connections_.push_back(std::make_unique<Connection>(share.host, options, output));
  }
}

bool Agents::AllReady() const {
  return std::all_of(connections_.begin(), connections_.end(),
                     [](const auto& connection) { return connection->port.has_value(); });
}

void Agents::CheckReady(const char* waited) const {
  for (const auto& connection : connections_) {
    if (!connection->port) connection->FailToReach(waited);
  }
}

bool Agents::AllEnded() const {
  return std::all_of(connections_.begin(), connections_.end(),
                     [](const auto& connection) { return connection->ended(); });
}

void Agents::SendAll(const Message& message) {
  for (const auto& connection : connections_) connection->Send(message);
}

// By a clock that goes on while this process is stopped: the agents have waited long then.
void Agents::Ping() {
  const auto tenth = std::chrono::milliseconds(options_.silence_s * int64_t{100});
  const Clock::time_point now = Clock::now();
  if (now - pinged_ < std::min<Clock::duration>(kPingEvery, tenth)) return;
  pinged_ = now;
  for (const auto& connection : connections_) {
    // One that has not taken what was sent would not hear it any sooner.
    if (connection->remote() && connection->to() < 0) {
      connection->Send({MessageKind::kPing, options_.silence_s, ""});
    }
  }
}

void Agents::Close() {
  for (const auto& connection : connections_) connection->Close();
}

void Agents::Kill() {
  for (const auto& connection : connections_) connection->Kill();
}

void Agents::Poll(int milliseconds, const Handlers& handlers) {
  const bool room = handlers.has_room();
  std::vector<pollfd> fds;
  std::vector<size_t> owners;  // by place in connections_
  // The first one is another one each time, so that an agent that never stops talking does not keep
  // the others from being heard.
  for (size_t i = 0; i < connections_.size(); ++i) {
    const size_t place = (first_ + i) % connections_.size();
    const auto add = [&](int fd, short events) {
      if (fd < 0) return;
      fds.push_back({fd, events, 0});
      owners.push_back(place);
    };
    const Connection& owner = *connections_[place];
    add(owner.to(), POLLOUT);
    if (room) add(owner.errors(), POLLIN);
    if (room) add(owner.from(), POLLIN);
  }
  if (poll(fds.data(), fds.size(), milliseconds) <= 0) return;
  for (size_t i = 0; i < fds.size(); ++i) {
    if (fds[i].revents == 0) continue;
    Connection& owner = *connections_[owners[i]];
    if (fds[i].fd == owner.to()) {
      owner.WriteUnsent();
    } else if (fds[i].fd == owner.errors()) {
      owner.ReadErrors();
    } else if (fds[i].fd == owner.from()) {
      first_ = owners[i] + 1;
      owner.ReadMessages();
      while (const std::optional<Message> message = owner.Next()) handlers.hear(owner, *message);
      if (owner.ended()) {
        owner.ReadLastErrors();
        handlers.lost(owner);
        return;  // the descriptors after it may be closed by now
      }
      if (!handlers.has_room()) return;
    }
  }
}

}  // namespace convoy::launcher
