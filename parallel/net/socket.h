// Sockets: addresses, listening, one attempt to connect.
#pragma once

#include <string>
#include <string_view>

#include "core/base/descriptor.h"

namespace convoy::net {

/// "10.0.0.1:29500", "[fe80::1]:29500"
std::string AddressText(std::string_view host, int port);

/// "connection refused", for use within a sentence.
std::string ErrnoText(int error);

/// Whether `host` says by itself that it is reached from its own machine alone: "localhost",
/// "NAME.localhost", "::1", "127.0.0.1" and all others that start with "127.".
bool IsLoopback(std::string_view host);

/// A listening socket, non-blocking, at `host` ("": every address of this machine). It is every
/// address too if `host` is another machine's name for this one (an address that this machine does
/// not have), a name that has several addresses, or one that is loopback for this machine alone:
/// Debian's /etc/hosts gives a machine's own name the address 127.0.1.1. Port 0: a free one.
/// Throws: Error if the port is taken.
Descriptor ListenAt(const std::string& host, int port);
/// The port of a listening socket.
int PortOf(const Descriptor& listening);
/// The address of this machine that a socket has; of one that listens on all of them, loopback. An
/// IPv4 address is one also where the socket is of IPv6.
std::string HostOf(const Descriptor& socket);
/// Whether `host` has an address, as far as this machine knows.
bool CanResolve(const std::string& host);

/// A connected socket, non-blocking; or none, and why. Tries all addresses of the host, together
/// for at most `timeout_s`.
Descriptor TryConnect(const std::string& host, int port, double timeout_s, std::string& why);

/// Small frames leave at once, and a machine that is gone is noticed within about 20 s.
void TuneConnection(const Descriptor& socket);

/// Waits for `events` (poll's) on `fd`. False once `timeout_s` has passed.
bool WaitFor(int fd, short events, double timeout_s);

}  // namespace convoy::net
