// The handwritten digits that come with Convoy.
#pragma once

#include "models/data/dataset.h"
#include "models/data/mnist.h"

namespace convoy {

/// 1,500 images for training or 297 others for testing, of 8 x 8 pixels, compiled into the program:
/// UCI's "Optical Recognition of Handwritten Digits". models/data/digits/README.md names their
/// source and license (CC BY 4.0).
Mnist Digits(DataSplit split);

}  // namespace convoy
