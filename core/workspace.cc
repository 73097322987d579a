// Memory that a kernel needs for itself.
#include "core/workspace.h"

namespace convoy {

Workspace::Workspace(const Shape& shape, TensorOptions options)
    : storage_(std::make_unique<Storage>(options.device, TensorBytes(shape, options.dtype))),
      view_(storage_->data(), shape, options) {}

Workspace Workspace::Empty(const Shape& shape, TensorOptions options) { return {shape, options}; }

Workspace Workspace::Zeros(const Shape& shape, TensorOptions options) {
  Workspace workspace = Empty(shape, options);
  workspace.view_.Zero();
  return workspace;
}

}  // namespace convoy
