// Gpt: GPT-2's layers, put together.
#include "models/gpt.h"

#include <cmath>
#include <string>

#include "core/base/error.h"
#include "ops/attention.h"
#include "ops/binary.h"
#include "ops/loss.h"
#include "ops/shape_ops.h"

namespace convoy {
namespace {

constexpr double kInitStddev = 0.02;
constexpr double kNever = -3e4;  // a logit whose exponential is 0; f16 has it too

/// Of the layers that add to the residual stream: its variance then does not grow with depth.
double ResidualStddev(const GptOptions& options) {
  return kInitStddev / std::sqrt(2.0 * static_cast<double>(options.layers));
}

const GptOptions& Checked(const GptOptions& options) {
  CONVOY_CHECK(options.vocab_size > 0 && options.block_size > 0 && options.layers > 0 &&
                   options.heads > 0 && options.channels > 0,
               "[Gpt] sizes must be positive, got vocab_size {}, block_size {}, layers {}, heads "
               "{}, channels {}",
               options.vocab_size, options.block_size, options.layers, options.heads,
               options.channels);
  CONVOY_CHECK(options.channels % options.heads == 0,
               "[Gpt] channels must be a multiple of heads, got {} channels and {} heads",
               options.channels, options.heads);
  CONVOY_CHECK(options.vocab_multiple > 0, "[Gpt] vocab_multiple must be positive, got {}",
               options.vocab_multiple);
  CONVOY_CHECK(options.layer_norm_eps > 0, "[Gpt] layer_norm_eps must be positive, got {}",
               options.layer_norm_eps);
  CONVOY_CHECK(IsFloating(options.dtype), "[Gpt] wants a floating dtype, got {}",
               Name(options.dtype));
  return options;
}

LinearOptions DenseOptions(const GptOptions& options, int64_t in, int64_t out, double stddev,
                           Activation activation = Activation::kNone) {
  return {.in = in, .out = out, .bias = options.bias, .activation = activation, .stddev = stddev};
}

LayerNormOptions NormOptions(const GptOptions& options) {
  return {.channels = options.channels, .eps = options.layer_norm_eps, .bias = options.bias};
}

}  // namespace

GptAttention::GptAttention(const GptOptions& options, Initializer& init)
    : heads_(options.heads),
      c_attn_(DenseOptions(options, options.channels, 3 * options.channels, kInitStddev), init),
      c_proj_(DenseOptions(options, options.channels, options.channels, ResidualStddev(options)),
              init),
      dropout_(options.dropout) {
  AddModule("c_attn", c_attn_);
  AddModule("c_proj", c_proj_);
  AddModule("dropout", dropout_);
}

Tensor GptAttention::operator()(const Tensor& x) {
  const int64_t batch = x.dim(0), time = x.dim(1), channels = x.dim(2);
  const Tensor qkv = Reshape(c_attn_(x), {batch, time, 3, heads_, channels / heads_});
  const Tensor mixed = Attention(qkv, {.causal = true});  // (B, T, H, D)
  return dropout_(c_proj_(Reshape(mixed, {batch, time, channels})));
}

GptMlp::GptMlp(const GptOptions& options, Initializer& init)
    : c_fc_(
          DenseOptions(options, options.channels, 4 * options.channels, kInitStddev,
                       options.gelu == GeluKind::kTanh ? Activation::kGeluTanh : Activation::kGelu),
          init),
      c_proj_(
          DenseOptions(options, 4 * options.channels, options.channels, ResidualStddev(options)),
          init),
      dropout_(options.dropout) {
  AddModule("c_fc", c_fc_);
  AddModule("c_proj", c_proj_);
  AddModule("dropout", dropout_);
}

GptBlock::GptBlock(const GptOptions& options, Initializer& init)
    : ln_1_(NormOptions(options), init),
      attn_(options, init),
      ln_2_(NormOptions(options), init),
      mlp_(options, init) {
  AddModule("ln_1", ln_1_);
  AddModule("attn", attn_);
  AddModule("ln_2", ln_2_);
  AddModule("mlp", mlp_);
}

SumAndNorm GptBlock::operator()(const SumAndNorm& x, const LayerNormLayer& next) {
  const SumAndNorm h = ln_2_(x.sum, attn_(x.normalized));
  return next(h.sum, mlp_(h.normalized));
}

Gpt::Blocks::Blocks(const GptOptions& options, Initializer& init) {
  for (int64_t i = 0; i < options.layers; ++i) {
    blocks.emplace_back(options, init);
    AddModule(std::to_string(i), blocks.back());
  }
}

Gpt::Gpt(const GptOptions& options, Device device, uint64_t seed)
    : Gpt(options, Initializer(device, seed, Checked(options).dtype)) {}

Gpt::Gpt(const GptOptions& options, Initializer init)
    : options_(options),
      wte_({.rows = options.padded_vocab(), .channels = options.channels, .stddev = kInitStddev},
           init),
      wpe_({.rows = options.block_size, .channels = options.channels, .stddev = kInitStddev}, init),
      dropout_(options.dropout),
      h_(options, init),
      ln_f_(NormOptions(options), init) {
  AddModule("wte", wte_);
  AddModule("wpe", wpe_);
  AddModule("dropout", dropout_);
  AddModule("h", h_);
  AddModule("ln_f", ln_f_);
  const int64_t rows = options.padded_vocab(), real = options.vocab_size;
  if (!options.tie_embeddings) {
    lm_head_.emplace(
        LinearOptions{.in = options.channels, .out = rows, .bias = false, .stddev = kInitStddev},
        init);
    AddModule("lm_head", *lm_head_);
  }
  if (rows == real) return;
  for (const Tensor& table : {wte_.weight(), OutputWeight()}) {
    table.View({rows - real, options.channels}, real * options.channels).Zero();
  }
  mask_ = Tensor::Full({rows}, kNever, wte_.weight().options());
  mask_.View({real}).Zero();
}

Tensor Gpt::Hidden(const Tensor& tokens) {
  CONVOY_CHECK(tokens.ndim() == 2, "[Gpt] expected tokens of shape (B, T), got {}",
               tokens.shape().ToString());
  const int64_t time = tokens.dim(1);
  CONVOY_CHECK(time <= options_.block_size,
               "[Gpt] a sequence of {} tokens is longer than block_size {}", time,
               options_.block_size);
  // (B, T, C) + (T, C)
  const Tensor embedded = dropout_(Add(wte_(tokens), Slice(wpe_.weight(), 0, 0, time)));
  std::deque<GptBlock>& blocks = h_.blocks;
  SumAndNorm x{embedded, blocks.front().ln_1()(embedded)};
  for (size_t i = 0; i < blocks.size(); ++i) {
    x = blocks[i](x, i + 1 < blocks.size() ? blocks[i + 1].ln_1() : ln_f_);
  }
  return x.normalized;
}

const Tensor& Gpt::OutputWeight() const { return lm_head_ ? lm_head_->weight() : wte_.weight(); }

// The mask is a bias of the product, which costs nothing more.
Tensor Gpt::Head(const Tensor& hidden) const { return Linear(hidden, OutputWeight(), mask_); }

Tensor Gpt::operator()(const Tensor& tokens) {
  return Head(Reshape(Hidden(tokens), {tokens.numel(), options_.channels}));
}

Tensor Gpt::Loss(const Tensor& tokens, const Tensor& labels) {
  return CrossEntropy((*this)(tokens), Reshape(labels, {labels.numel()}));
}

}  // namespace convoy
