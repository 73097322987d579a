// Profiles of well-known models on well-known GPUs, from published throughputs.
#pragma once

#include <string>
#include <vector>

#include "tools/scaling/model_profile.h"
#include "tools/scaling/prediction.h"

namespace convoy {

/// "resnet50", "vgg16", "inception-v3", "gpt2-124m", ...
std::vector<std::string> BundledProfiles();

/// A step's time is from its published throughput; it is spread over layers by their FLOPs, a third
/// of it forward. Throws: Error that names those there are.
ModelProfile BundledProfile(const std::string& name);

/// What has been published of its scaling; empty for other models.
std::vector<PublishedPoint> PublishedScaling(const std::string& model);

}  // namespace convoy
