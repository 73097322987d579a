// LinearLayer: its parameters.
#include "models/linear.h"

#include "core/base/error.h"

namespace convoy {

LinearLayer::LinearLayer(const LinearOptions& options, Initializer& init)
    : activation_(options.activation) {
  CONVOY_CHECK(options.in > 0 && options.out > 0,
               "[LinearLayer] in and out must be positive, got in {}, out {}", options.in,
               options.out);
  const Shape shape{options.out, options.in};
  weight_ = AddParameter("weight", options.stddev > 0 ? init.Normal(shape, options.stddev)
                                                      : init.KaimingUniform(shape, options.in));
  if (!options.bias) return;
  bias_ = AddParameter("bias", options.stddev > 0 ? init.Constant({options.out}, 0)
                                                  : init.KaimingUniform({options.out}, options.in));
}

}  // namespace convoy
