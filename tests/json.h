// Parses the JSON that a program under test has written.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace convoy {

// Use these instead of nlohmann::json::parse: compiling that function takes three seconds a file.

/// Throws: nlohmann::json::parse_error if the text is not JSON.
nlohmann::json ParseJson(const std::string& text);
/// The contents of a file. Throws as ParseJson, also if there is no such file.
nlohmann::json ReadJson(const std::string& path);

}  // namespace convoy
