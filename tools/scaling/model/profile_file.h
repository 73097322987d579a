// Profiles as TOML files, and those that come with the program.
#pragma once

#include <string>
#include <vector>

#include "tools/scaling/measure/model_profile.h"

namespace convoy::scaling {

/// Reads a TOML file of ModelProfile's fields, with a line for every parameter.
/// Throws: Error `[profile] FILE:LINE: ...` on what is missing, unknown, negative, not a number, or
/// ready after backward has ended.
ModelProfile ReadProfile(const std::string& path);
/// Replaces the file. Throws: Error if it cannot be written.
void WriteProfile(const std::string& path, const ModelProfile& profile);

/// The profiles of profiles/ by name: "resnet50", "vgg16", "inception-v3", "gpt2-124m", ...
std::vector<std::string> BundledProfiles();
/// A bundled profile or, if none has that name, a file.
/// Throws: Error that names the bundled ones, or as ReadProfile does.
ModelProfile FindProfile(const std::string& name_or_path);

}  // namespace convoy::scaling
