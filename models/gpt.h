// GPT-2: a decoder-only transformer (Radford et al., "Language Models are Unsupervised Multitask
// Learners", 2019).
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "models/dropout.h"
#include "models/embedding.h"
#include "models/layer_norm.h"
#include "models/linear.h"
#include "models/module.h"
#include "ops/unary.h"

namespace convoy {

/// The defaults are GPT-2's smallest model, but for dropout.
struct GptOptions {
  int64_t vocab_size = 50257;
  int64_t block_size = 1024;  ///< longest sequence
  int64_t layers = 12;
  int64_t heads = 12;
  int64_t channels = 768;  ///< a multiple of heads
  double dropout = 0;      ///< after the embeddings, and on what each half of a block adds
  GeluKind gelu = GeluKind::kTanh;
  bool bias = true;              ///< in dense layers and layer norms
  double layer_norm_eps = 1e-5;  ///< added to the variance
  /// The output layer has the weights of the token table, as GPT-2's; else weights of its own.
  bool tie_embeddings = true;
  /// The table of tokens gets rows up to a multiple of this, whose logits are never counted nor
  /// chosen: 128 makes 50257 rows 50304, which GPUs multiply by faster.
  int64_t vocab_multiple = 1;
  DType dtype = DType::kF32;  ///< of parameters and activations: f32, f64, bf16 or f16

  int64_t padded_vocab() const {
    return (vocab_size + vocab_multiple - 1) / vocab_multiple * vocab_multiple;
  }
};

/// Attention of a block. Parameters: c_attn (3 * channels outputs: queries, keys, values), c_proj.
class GptAttention : public Module {
 public:
  GptAttention(const GptOptions& options, Initializer& init);

  /// Shape: x (B, T, C) -> (B, T, C).
  Tensor operator()(const Tensor& x);

 private:
  int64_t heads_;
  LinearLayer c_attn_;
  LinearLayer c_proj_;
  DropoutLayer dropout_;
};

/// The feed-forward half of a block. Parameters: c_fc (4 * channels outputs, GELU), c_proj.
class GptMlp : public Module {
 public:
  GptMlp(const GptOptions& options, Initializer& init);

  /// Shape: x (B, T, C) -> (B, T, C).
  Tensor operator()(const Tensor& x) { return dropout_(c_proj_(c_fc_(x))); }

 private:
  LinearLayer c_fc_;
  LinearLayer c_proj_;
  DropoutLayer dropout_;
};

/// x + attn(ln_1(x)), then + mlp(ln_2(.)).
class GptBlock : public Module {
 public:
  GptBlock(const GptOptions& options, Initializer& init);

  /// What reads the block's input.
  const LayerNormLayer& ln_1() const { return ln_1_; }

  /// The block's output, normalised by `next`, which reads it (ln_1 of the next block, or ln_f): a
  /// sum and the norm of it are one kernel.
  ///
  /// Shape: x (B, T, C), normalised by ln_1 -> (B, T, C).
  SumAndNorm operator()(const SumAndNorm& x, const LayerNormLayer& next);

 private:
  LayerNormLayer ln_1_;
  GptAttention attn_;
  LayerNormLayer ln_2_;
  GptMlp mlp_;
};

struct GenerateOptions {
  int64_t tokens = 100;    ///< how many to add
  double temperature = 1;  ///< divides the logits; 0 always takes the likeliest token
  int64_t top_k = 0;       ///< choose among the k likeliest only; 0: among all
  uint64_t seed = 0;
};

/// Parameters have the names that Hugging Face gives GPT-2's ("wte.weight", "h.0.ln_1.weight", ...,
/// "ln_f.bias"). The output layer shares wte.weight or, without tie_embeddings, has
/// "lm_head.weight" of the same shape. Initial values are normal with deviation 0.02; it is
/// 0.02 / sqrt(2 * layers) for the two layers of a block that add to the residual stream.
class Gpt : public Module {
 public:
  /// Throws: Error on a size that is not positive, or channels that heads do not divide.
  Gpt(const GptOptions& options, Device device, uint64_t seed);

  const GptOptions& options() const { return options_; }

  /// Logits of the next token, at every position.
  ///
  /// Shape:  tokens (B, T), T <= block_size -> (B * T, padded_vocab); what is beyond vocab_size is
  ///         so low that softmax makes it 0.
  /// DType:  tokens i32 -> the model's.
  /// Throws: Error on another shape, or a token outside the vocabulary.
  Tensor operator()(const Tensor& tokens);

  /// Mean cross-entropy of the logits, in f32 (f64).
  ///
  /// Shape:  tokens and labels (B, T), labels being the tokens that follow -> scalar.
  Tensor Loss(const Tensor& tokens, const Tensor& labels);

  /// Tokens that follow `prompt`, drawn one after the other, without dropout; each sees up to
  /// block_size tokens before it.
  /// Throws: Error on an empty prompt or options that make no sense.
  std::vector<int32_t> Generate(const std::vector<int32_t>& prompt, const GenerateOptions& options);

 private:
  /// The blocks, under their numbers.
  struct Blocks : Module {
    Blocks(const GptOptions& options, Initializer& init);
    std::deque<GptBlock> blocks;  // a deque, since modules cannot move
  };

  Gpt(const GptOptions& options, Initializer init);

  /// What the output layer reads: (B, T) -> (B, T, C).
  Tensor Hidden(const Tensor& tokens);
  /// (padded_vocab, C).
  const Tensor& OutputWeight() const;
  /// (N, C) -> (N, padded_vocab).
  Tensor Head(const Tensor& hidden) const;

  GptOptions options_;
  EmbeddingLayer wte_;
  EmbeddingLayer wpe_;
  DropoutLayer dropout_;
  Blocks h_;
  LayerNormLayer ln_f_;
  std::optional<LinearLayer> lm_head_;  // none: wte's weights
  Tensor mask_;  // (padded_vocab): 0, and very low for the padding; undefined without padding
};

}  // namespace convoy
