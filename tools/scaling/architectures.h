// Published architectures: their parameters in order of registration, and what each layer computes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace convoy {

/// A layer with parameters.
struct ArchitectureLayer {
  struct Parameter {
    std::string name;
    int64_t numel = 0;
  };
  std::vector<Parameter> parameters;  ///< in order of registration
  double flops = 0;                   ///< of forward, for one image or token
  /// Its gradient is complete only at backward's end, as that of an embedding which is the output's
  /// weight too; its flops are those of the output.
  bool tied_to_output = false;
};

struct Architecture {
  std::string name;
  std::vector<ArchitectureLayer> layers;  ///< in order of registration, and of forward

  int64_t numel() const;
  double flops() const;
};

/// He et al., "Deep Residual Learning for Image Recognition", 2015, as torchvision has them, at
/// 224 x 224: 25,557,032 and 44,549,160 parameters.
Architecture ResNet50();
Architecture ResNet101();
/// Simonyan and Zisserman, "Very Deep Convolutional Networks", 2014, at 224 x 224: 138,357,544.
Architecture Vgg16();
/// Szegedy et al., "Rethinking the Inception Architecture", 2015, as torchvision has it, at
/// 299 x 299: 23,834,568 parameters, 27,161,264 with the auxiliary head.
Architecture InceptionV3(bool auxiliary_head = false);
/// Radford et al., "Language Models are Unsupervised Multitask Learners", 2019, smallest, at 1,024
/// tokens: 124,439,808.
Architecture Gpt2();

}  // namespace convoy
