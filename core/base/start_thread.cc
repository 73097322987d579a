// Starts threads, and says what to do where the system has none left.
#include "core/base/start_thread.h"

#include <pthread.h>

#include <system_error>
#include <utility>

#include "core/base/error.h"

namespace convoy {

std::thread StartThread(const char* component, const std::string& name,
                        std::function<void()> body) {
  try {
    return std::thread([name, body = std::move(body)] {
      pthread_setname_np(pthread_self(), name.c_str());
      body();
    });
  } catch (const std::system_error& error) {
    Fail(
        "[{}] cannot start the thread '{}': {}; this user or this container has as many threads "
        "and processes as it may. Use fewer --threads or --workers, or raise the limit (ulimit -u, "
        "ulimit -v)",
        component, name, error.code().message());
  }
}

}  // namespace convoy
