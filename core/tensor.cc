// A tensor: shared storage, shape, dtype, device, and its place in the autograd graph.
#include "core/tensor.h"

#include <cstring>

#include "core/autograd.h"
#include "core/base/error.h"
#include "core/tensor_impl.h"

namespace convoy {

using internal::GradState;
using internal::TensorImpl;

namespace {

// Where the host's side of a copy from or to `device` runs: a worker on cpu:K uses its own threads.
Device HostFor(Device device) { return device.is_cpu() ? device : Device::Cpu(); }

}  // namespace

Tensor Tensor::Empty(const Shape& shape, TensorOptions options) {
  const size_t bytes = TensorBytes(shape, options.dtype);
  auto impl = std::make_shared<TensorImpl>();
  impl->storage = std::make_shared<Storage>(options.device, bytes);
  impl->shape = shape;
  impl->dtype = options.dtype;
  return Tensor(std::move(impl));
}

Tensor Tensor::Zeros(const Shape& shape, TensorOptions options) {
  Tensor tensor = Empty(shape, options);
  tensor.Zero();
  return tensor;
}

Tensor Tensor::Full(const Shape& shape, double value, TensorOptions options) {
  if (value == 0) return Zeros(shape, options);
  const Tensor tensor = Empty(shape, options);
  GetBackend(options.device.type)
      .Fill(options.device, tensor.raw_data(), options.dtype, value, shape.numel());
  return tensor;
}

Tensor Tensor::FromHost(const Shape& shape, const void* values, int64_t count, DType dtype,
                        Device device) {
  CONVOY_CHECK(count == shape.numel(), "[Tensor] shape {} wants {} values, got {}",
               shape.ToString(), shape.numel(), count);
  Tensor tensor = Empty(shape, {dtype, device});
  GetBackend(device.type).Copy(device, tensor.raw_data(), HostFor(device), values, tensor.bytes());
  return tensor;
}

TensorImpl& Tensor::Defined() const {
  CONVOY_CHECK(defined(), "[Tensor] used before it was given a value (undefined tensor)");
  return *impl_;
}

const Shape& Tensor::shape() const { return Defined().shape; }

DType Tensor::dtype() const { return Defined().dtype; }

Device Tensor::device() const { return Defined().storage->device(); }

void* Tensor::raw_data() const {
  const TensorImpl& impl = Defined();
  return static_cast<char*>(impl.storage->data()) + impl.offset_bytes;
}

Tensor::operator convoy::View() const {
  if (impl_ == nullptr) return {};
  return {raw_data(), impl_->shape, {impl_->dtype, impl_->storage->device()}};
}

void Tensor::CheckDType(DType wanted) const {
  CONVOY_CHECK(dtype() == wanted, "[Tensor] elements are {}, not {}", Name(dtype()), Name(wanted));
}

void Tensor::CopyToHost(void* values, int64_t count, DType wanted) const {
  CheckDType(wanted);
  CONVOY_CHECK(numel() == count, "[Tensor] Item wants one element, got shape {}",
               shape().ToString());
  GetBackend(device().type).Copy(HostFor(device()), values, device(), raw_data(), bytes());
}

Tensor Tensor::Clone() const {
  Tensor copy = Empty(shape(), options());
  copy.CopyFrom(*this);
  return copy;
}

Tensor Tensor::To(Device target) const {
  if (device() == target) return Detach();
  Tensor copy = Empty(shape(), {dtype(), target});
  copy.CopyFrom(*this);
  return copy;
}

Tensor Tensor::Detach() const { return View(shape()); }

Tensor Tensor::View(const Shape& view, int64_t offset) const {
  CONVOY_CHECK(offset >= 0 && view.numel() <= numel() && offset <= numel() - view.numel(),
               "[View] {} at element {} lies outside a tensor of shape {}", view.ToString(), offset,
               shape().ToString());
  auto impl = std::make_shared<TensorImpl>();
  impl->storage = impl_->storage;
  impl->offset_bytes = impl_->offset_bytes + static_cast<size_t>(offset) * SizeOf(dtype());
  impl->shape = view;
  impl->dtype = impl_->dtype;
  return Tensor(std::move(impl));
}

void Tensor::CopyFrom(const Tensor& source) const {
  CONVOY_CHECK(shape() == source.shape() && dtype() == source.dtype(),
               "[CopyFrom] expected {} {}, got {} {}", Name(dtype()), shape().ToString(),
               Name(source.dtype()), source.shape().ToString());
  static_cast<convoy::View>(*this).CopyFrom(source);
}

void Tensor::Zero() const { GetBackend(device().type).Zero(device(), raw_data(), bytes()); }

bool Tensor::requires_grad() const {
  const TensorImpl& impl = Defined();
  return impl.requires_grad || impl.node != nullptr;
}

bool Tensor::is_leaf() const { return Defined().node == nullptr; }

Tensor& Tensor::SetRequiresGrad(bool requires_grad) {
  CONVOY_CHECK(is_leaf(), "[SetRequiresGrad] only a leaf can be told so, not a computed tensor");
  CONVOY_CHECK(IsFloating(dtype()), "[SetRequiresGrad] wants a floating dtype, got {}",
               Name(dtype()));
  impl_->requires_grad = requires_grad;
  return *this;
}

Tensor Tensor::grad() const {
  const TensorImpl& impl = Defined();
  if (impl.grad_state == GradState::kNone) return {};
  if (impl.before_grad_use) impl.before_grad_use();
  return impl.grad;
}

void Tensor::ZeroGrad() const { Defined().grad_state = GradState::kNone; }

void Tensor::SetGradSlot(const Tensor& slot) const {
  CONVOY_CHECK(slot.shape() == shape() && slot.dtype() == dtype() && slot.device() == device(),
               "[SetGradSlot] expected {} {} on {}, got {} {} on {}", Name(dtype()),
               shape().ToString(), device().ToString(), Name(slot.dtype()), slot.shape().ToString(),
               slot.device().ToString());
  impl_->grad = slot;
  impl_->grad_state = GradState::kNone;
  impl_->before_grad_use = nullptr;
}

void Tensor::MoveInto(const Tensor& place) const {
  CONVOY_CHECK(is_leaf(), "[MoveInto] only a leaf can be moved, not a computed tensor");
  CONVOY_CHECK(place.device() == device(), "[MoveInto] expected a place on {}, got {}",
               device().ToString(), place.device().ToString());
  place.CopyFrom(*this);
  impl_->storage = place.impl_->storage;
  impl_->offset_bytes = place.impl_->offset_bytes;
}

void Tensor::Backward() const { convoy::Backward(*this); }

}  // namespace convoy
