// Published architectures: their parameters in order of registration, and what each layer computes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace convoy {

/// A layer with parameters, and the norm that follows it.
struct ArchitectureLayer {
  struct Parameter {
    std::string name;
    int64_t numel = 0;
  };
  std::vector<Parameter> parameters;  ///< in order of registration
  double flops = 0;                   ///< of forward, for one image or token, without norms
};

struct Architecture {
  std::vector<ArchitectureLayer> layers;  ///< in order of registration, taken for that of forward
  double output_flops = 0;                ///< after all layers, by a weight that an earlier one has

  int64_t numel() const;
  double flops() const;
};

/// Bottleneck ResNets: He et al., "Deep Residual Learning for Image Recognition", 2015, as
/// torchvision has them, at 224 x 224. Parameters: 25,557,032 and 44,549,160.
Architecture ResNet50();
Architecture ResNet101();
/// Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
/// 2014, configuration D, at 224 x 224. Parameters: 138,357,544.
Architecture Vgg16();
/// Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", 2015, as
/// torchvision has it, at 299 x 299. Parameters: 23,834,568, with the auxiliary head 27,161,264.
Architecture InceptionV3(bool auxiliary_head = false);
/// Radford et al., "Language Models are Unsupervised Multitask Learners", 2019, the smallest, at
/// 1,024 tokens, as models/gpt.h has it. Parameters: 124,439,808.
Architecture Gpt2();

}  // namespace convoy
