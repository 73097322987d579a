// Autograd: how an op records its backward, and how Backward walks the graph.
#include "core/autograd.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include "core/base/error.h"
#include "core/memory_label.h"
#include "core/tensor_impl.h"

namespace convoy {
namespace internal {

// An input of a node: what computed it, or the leaf itself, or neither (needs no gradient).
struct Edge {
  std::shared_ptr<Node> node;
  std::shared_ptr<TensorImpl> leaf;

  bool needed() const { return node != nullptr || leaf != nullptr; }
};

struct Node {
  const char* op = "";
  uint64_t sequence = 0;  // in the order of recording: inputs come before their users
  std::vector<Edge> inputs;
  BackwardFunction backward;
  bool walked = false;

  Shape shape;
  TensorOptions options;

  // Of the Backward under way.
  uint64_t pass = 0;
  int pending = 0;  // contributions to `grad` still to come
  Tensor grad;

  ~Node();
};

// A long chain of nodes would otherwise be freed by a recursion as deep as the chain.
Node::~Node() {
  std::vector<std::shared_ptr<Node>> doomed;
  auto take_inputs = [&doomed](Node& node) {
    node.backward = nullptr;
    for (Edge& edge : node.inputs) {
      if (edge.node && edge.node.use_count() == 1) doomed.push_back(std::move(edge.node));
    }
  };
  take_inputs(*this);
  while (!doomed.empty()) {
    const std::shared_ptr<Node> node = std::move(doomed.back());
    doomed.pop_back();
    take_inputs(*node);
  }
}

namespace {

thread_local bool grad_enabled = true;
std::atomic<uint64_t> next_sequence{1};
std::atomic<uint64_t> last_pass{0};

// Only this handle refers to the tensor and only it to its storage: nobody else sees a write.
bool Exclusive(const Tensor& tensor) {
  return tensor.shared_impl().use_count() == 1 && tensor.impl()->storage.use_count() == 1;
}

Place LeafTarget(TensorImpl& leaf) {
  if (!leaf.grad.defined()) {
    const MemoryLabel label("gradients");
    leaf.grad = Tensor::Empty(leaf.shape, {leaf.dtype, leaf.storage->device()});
  }
  if (leaf.before_grad_use) leaf.before_grad_use();
  const bool accumulate = leaf.grad_state == GradState::kFresh;
  leaf.grad_state = GradState::kFresh;
  return {leaf.grad, accumulate};
}

void AddInto(const Tensor& to, const Tensor& from) {
  GetBackend(to.device().type)
      .AddInto(to.device(), to.raw_data(), from.raw_data(), to.dtype(), to.numel());
}

void AddToTarget(const Place& target, const Tensor& gradient) {
  if (target.accumulate) {
    AddInto(target.tensor, gradient);
  } else {
    target.tensor.CopyFrom(gradient);
  }
}

}  // namespace
}  // namespace internal

using internal::Edge;
using internal::GradState;
using internal::Node;
using internal::TensorImpl;

bool BackwardPass::Needs(int i) const { return node_.inputs[static_cast<size_t>(i)].needed(); }

internal::Place BackwardPass::PlaceOf(int i) {
  Edge& edge = node_.inputs[static_cast<size_t>(i)];
  if (edge.leaf) return internal::LeafTarget(*edge.leaf);
  Node& producer = *edge.node;
  const bool accumulate = producer.grad.defined();
  if (!accumulate) {
    producer.grad = Tensor::Empty(producer.shape, producer.options);
  } else if (!internal::Exclusive(producer.grad)) {
    producer.grad = producer.grad.Clone();
  }
  return {producer.grad, accumulate};
}

GradTarget BackwardPass::Target(int i) {
  const internal::Place place = PlaceOf(i);
  return {place.tensor, place.accumulate};
}

void BackwardPass::Write(int i, const std::function<void(const Tensor& dx)>& kernel) {
  const internal::Place target = PlaceOf(i);
  if (!target.accumulate) return kernel(target.tensor);
  const Tensor temporary = Tensor::Empty(target.tensor.shape(), target.tensor.options());
  kernel(temporary);
  internal::AddInto(target.tensor, temporary);
}

GradTarget BackwardPass::InPlace(int i) {
  Edge& edge = node_.inputs[static_cast<size_t>(i)];
  if (edge.node && !edge.node->grad.defined() && internal::Exclusive(grad_) &&
      grad_.shape() == edge.node->shape && grad_.dtype() == edge.node->options.dtype) {
    edge.node->grad = grad_;
    return {grad_, false};
  }
  return Target(i);
}

GradTarget BackwardPass::TargetOver(int i, const Tensor& saved) {
  Edge& edge = node_.inputs[static_cast<size_t>(i)];
  // A leaf's edge is a second owner of it, so its memory is never taken.
  if (edge.node && !edge.node->grad.defined() && internal::Exclusive(saved) &&
      saved.shape() == edge.node->shape && saved.dtype() == edge.node->options.dtype) {
    edge.node->grad = saved.Detach();  // not the handle itself, which refers to edge.node
    return {edge.node->grad, false};
  }
  return Target(i);
}

Tensor BackwardPass::ReuseGrad() const {
  return internal::Exclusive(grad_) ? grad_ : Tensor::Empty(grad_.shape(), grad_.options());
}

void BackwardPass::Pass(int i, const Tensor& gradient) {
  Edge& edge = node_.inputs[static_cast<size_t>(i)];
  if (edge.node && !edge.node->grad.defined()) {
    CONVOY_CHECK(
        gradient.shape() == edge.node->shape && gradient.dtype() == edge.node->options.dtype,
        "[Backward] a bug: {} passes a gradient of {} {} to an input of {} {}", node_.op,
        Name(gradient.dtype()), gradient.shape().ToString(), Name(edge.node->options.dtype),
        edge.node->shape.ToString());
    edge.node->grad = gradient.Detach();
    return;
  }
  internal::AddToTarget(PlaceOf(i), gradient);
}

Tensor Record(const char* op, Tensor output, std::initializer_list<Tensor> inputs,
              BackwardFunction backward) {
  return Record(op, std::move(output), std::span(inputs.begin(), inputs.size()),
                std::move(backward));
}

Tensor Record(const char* op, Tensor output, std::span<const Tensor> inputs,
              BackwardFunction backward) {
  const auto requires_grad = [](const Tensor& t) { return t.defined() && t.requires_grad(); };
  if (!internal::grad_enabled || std::none_of(inputs.begin(), inputs.end(), requires_grad)) {
    return output;
  }
  auto node = std::make_shared<Node>();
  node->op = op;
  node->sequence = internal::next_sequence.fetch_add(1, std::memory_order_relaxed);
  node->shape = output.shape();
  node->options = output.options();
  node->backward = std::move(backward);
  node->inputs.reserve(inputs.size());
  for (const Tensor& input : inputs) {
    Edge edge;
    if (requires_grad(input)) {
      if (input.is_leaf())
        edge.leaf = input.shared_impl();
      else
        edge.node = input.impl()->node;
    }
    node->inputs.push_back(std::move(edge));
  }
  output.impl()->node = std::move(node);
  return output;
}

bool NeedsGrad(std::initializer_list<Tensor> inputs) {
  return internal::grad_enabled && std::any_of(inputs.begin(), inputs.end(), [](const Tensor& t) {
           return t.defined() && t.requires_grad();
         });
}

NoGrad::NoGrad() : before_(std::exchange(internal::grad_enabled, false)) {}
NoGrad::~NoGrad() { internal::grad_enabled = before_; }

namespace {

// The nodes behind `root`, newest first, with every tensor's contributions counted.
std::vector<std::shared_ptr<Node>> Plan(const std::shared_ptr<Node>& root, uint64_t pass) {
  std::vector<std::shared_ptr<Node>> order;
  const auto visit = [&](const std::shared_ptr<Node>& node) {
    CONVOY_CHECK(!node->walked,
                 "[Backward] the graph behind {} was freed by an earlier Backward; compute the "
                 "loss again, or add losses that share a part before differentiating their sum",
                 node->op);
    node->pass = pass;
    node->pending = 0;
    node->grad = Tensor();
    order.push_back(node);
  };
  visit(root);
  for (size_t i = 0; i < order.size(); ++i) {
    for (const Edge& edge : order[i]->inputs) {
      if (edge.node) {
        if (edge.node->pass != pass) visit(edge.node);
        ++edge.node->pending;
      } else if (edge.leaf) {
        if (edge.leaf->pass != pass) {
          edge.leaf->pass = pass;
          edge.leaf->pending = 0;
        }
        ++edge.leaf->pending;
      }
    }
  }
  std::sort(order.begin(), order.end(),
            [](const auto& a, const auto& b) { return a->sequence > b->sequence; });
  return order;
}

void LeafDone(const std::shared_ptr<TensorImpl>& leaf, const BackwardOptions& options) {
  if (options.on_leaf) options.on_leaf(Tensor(leaf));
}

Tensor SeedOf(const Tensor& root, const BackwardOptions& options) {
  if (!options.seed.defined()) {
    CONVOY_CHECK(root.numel() == 1,
                 "[Backward] without a seed wants a scalar, got shape {}; reduce it with Mean or "
                 "Sum, or give the seed",
                 root.shape().ToString());
    return Tensor::Full(root.shape(), options.scale, root.options());
  }
  const Tensor& seed = options.seed;
  CONVOY_CHECK(seed.shape() == root.shape() && seed.dtype() == root.dtype() &&
                   seed.device() == root.device(),
               "[Backward] seed: expected {} {} on {}, got {} {} on {}", Name(root.dtype()),
               root.shape().ToString(), root.device().ToString(), Name(seed.dtype()),
               seed.shape().ToString(), seed.device().ToString());
  CONVOY_CHECK(options.scale == 1.0, "[Backward] give either a seed or a scale, not both");
  return seed;
}

// The gradient of a leaf by itself is the seed: an op that has nothing to do returns its input, so
// that the root of a Backward may be a leaf.
void BackwardOfLeaf(const std::shared_ptr<TensorImpl>& leaf, const Tensor& seed, uint64_t pass,
                    const BackwardOptions& options) {
  leaf->pass = pass;
  leaf->pending = 0;
  if (options.on_start) {
    options.on_start([pass](const Tensor& other) { return other.impl()->pass == pass; });
  }
  internal::AddToTarget(internal::LeafTarget(*leaf), seed);
  LeafDone(leaf, options);
  if (options.on_end) options.on_end();
}

}  // namespace

void Backward(const Tensor& root, const BackwardOptions& options) {
  CONVOY_CHECK(root.requires_grad(),
               "[Backward] nothing to differentiate: no input of this tensor requires a gradient "
               "(gradients themselves are not differentiable)");
  const Tensor seed = SeedOf(root, options);
  const NoGrad no_grad;
  const uint64_t pass = internal::last_pass.fetch_add(1, std::memory_order_relaxed) + 1;
  if (root.is_leaf()) return BackwardOfLeaf(root.shared_impl(), seed, pass, options);
  std::vector<std::shared_ptr<Node>> order = Plan(root.impl()->node, pass);
  if (options.on_start) {
    options.on_start([pass](const Tensor& leaf) { return leaf.impl()->pass == pass; });
  }
  order.front()->grad = seed;
  for (std::shared_ptr<Node>& node : order) {
    node->walked = true;
    CONVOY_CHECK(node->grad.defined(), "[Backward] a bug: an op that uses {} left out its gradient",
                 node->op);
    {
      const MemoryLabel label(node->op, /*backward=*/true);
      BackwardPass turn(*node, std::exchange(node->grad, Tensor()));
      const BackwardFunction backward = std::exchange(node->backward, nullptr);
      backward(turn);
    }
    for (Edge& edge : node->inputs) {
      if (edge.leaf && --edge.leaf->pending == 0) LeafDone(edge.leaf, options);
      edge.node = nullptr;
    }
    node = nullptr;
  }
  if (options.on_end) options.on_end();
}

void ConsumeGrad(const Tensor& leaf) {
  if (leaf.impl()->grad_state == GradState::kFresh) leaf.impl()->grad_state = GradState::kConsumed;
}

void MarkGradFresh(const Tensor& leaf) {
  CONVOY_CHECK(leaf.impl()->grad.defined(), "[MarkGradFresh] the leaf has no gradient slot");
  leaf.impl()->grad_state = GradState::kFresh;
}

void SetBeforeGradUse(const Tensor& leaf, std::function<void()> hook) {
  leaf.impl()->before_grad_use = std::move(hook);
}

bool HasFreshGrad(const Tensor& leaf) { return leaf.impl()->grad_state == GradState::kFresh; }

}  // namespace convoy
