// Starts threads, and says what to do where the system has none left.
#pragma once

#include <functional>
#include <string>
#include <thread>

namespace convoy {

/// A thread that runs `body` and is called `name`, of at most 15 characters, in debuggers and top.
/// Throws: Error starting with `[component]` if the system starts no more threads, with the limits
/// to raise. `body` must not throw.
std::thread StartThread(const char* component, const std::string& name, std::function<void()> body);

}  // namespace convoy
