// What others have published about how bundled models scale.
#pragma once

#include <string>
#include <vector>

#include "tools/scaling/model/prediction.h"

namespace convoy::scaling {

/// Measurements with figures, and remarks in words.
struct Published {
  std::vector<PublishedPoint> points;
  std::vector<std::string> remarks;
};
/// Empty for models of which nothing has been published.
Published PublishedScaling(const std::string& model);

}  // namespace convoy::scaling
