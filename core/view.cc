// What a kernel sees of a tensor: where its elements are and what they are.
#include "core/view.h"

#include "core/backend.h"
#include "core/base/error.h"

namespace convoy {

void View::CheckDefined() const {
  CONVOY_CHECK(defined_, "[Tensor] used before it was given a value (undefined tensor)");
}

void View::CheckIs(DType wanted) const {
  CheckDefined();
  CONVOY_CHECK(dtype() == wanted, "[Tensor] elements are {}, not {}", Name(dtype()), Name(wanted));
}

void View::CopyFrom(const View& source) const {
  CheckDefined();
  source.CheckDefined();
  CONVOY_CHECK(dtype() == source.dtype() && numel() == source.numel(),
               "[CopyFrom] expected {} {}, got {} {}", Name(dtype()), shape_.ToString(),
               Name(source.dtype()), source.shape_.ToString());
  const Device to = device(), from = source.device();
  GetBackend(to.is_cpu() ? from.type : to.type).Copy(to, data_, from, source.data_, bytes());
}

void View::Zero() const {
  CheckDefined();
  GetBackend(device().type).Zero(device(), data_, bytes());
}

}  // namespace convoy
