// Profiles of well-known models on well-known GPUs, from published throughputs.
#pragma once

#include <string>
#include <vector>

#include "tools/scaling/model_profile.h"
#include "tools/scaling/prediction.h"

namespace convoy {

/// "resnet50", "vgg16", "inception-v3", "gpt2-124m", ...
std::vector<std::string> BundledProfiles();

/// A bundled profile or, if none has that name, a file. A bundled one's step takes its batch over
/// the throughput that was published for one GPU, spread over the layers by their FLOPs: a third of
/// it is forward, two thirds backward; the optimizer moves its bytes at the memory's speed.
/// Throws: Error that names the bundled ones, or as ReadProfile does.
ModelProfile FindProfile(const std::string& name_or_path);

/// What has been published of a bundled model's scaling: with figures, and in words.
struct Published {
  std::vector<PublishedPoint> points;
  std::vector<std::string> remarks;
};
/// Nothing for other models.
Published PublishedScaling(const std::string& model);

}  // namespace convoy
