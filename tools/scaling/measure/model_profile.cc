// What a model asks of data-parallel training: sizes of its gradients, and when they appear.
#include "tools/scaling/measure/model_profile.h"

namespace convoy::scaling {

int64_t ModelProfile::bytes() const {
  int64_t total = 0;
  for (const ParameterProfile& parameter : parameters) total += parameter.bytes;
  return total;
}

std::vector<ParameterSize> ModelProfile::sizes() const {
  std::vector<ParameterSize> all;
  for (const ParameterProfile& p : parameters) all.push_back({p.name, p.bytes, p.dtype});
  return all;
}

}  // namespace convoy::scaling
