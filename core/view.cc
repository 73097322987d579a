// What a kernel sees of a tensor: where its elements are and what they are.
#include "core/view.h"

#include "core/backend.h"
#include "core/base/error.h"

namespace convoy {

void View::CheckIs(DType wanted) const {
  CONVOY_CHECK(defined_, "[Tensor] used before it was given a value (undefined tensor)");
  CONVOY_CHECK(dtype() == wanted, "[Tensor] elements are {}, not {}", Name(dtype()), Name(wanted));
}

void View::CopyFrom(const View& source) const {
  const Device to = device(), from = source.device();
  GetBackend(to.is_cpu() ? from.type : to.type).Copy(to, data_, from, source.data_, bytes());
}

void View::Zero() const { GetBackend(device().type).Zero(device(), data_, bytes()); }

}  // namespace convoy
