// What exceptions of the C++ library say to a user.
#include "core/error_text.h"

#include <catch2/catch.hpp>
#include <new>
#include <stdexcept>
#include <system_error>

#include "core/base/error.h"
#include "core/tensor.h"

namespace convoy {
namespace {

using Catch::Contains;

TEST_CASE("an error of the library says what it says") {
  CHECK(ErrorText(Error("[MatMul] no")) == "[MatMul] no");
  CHECK(ErrorText(std::runtime_error("other")) == "other");
}

TEST_CASE("no memory: what is in use, by whom, and the way out") {
  const Tensor held = Tensor::Zeros({3 << 20}, {DType::kF32, Device::Cpu()});
  const std::string text = ErrorText(std::bad_alloc());
  CHECK_THAT(text, Contains("[memory] the host has no more memory for this process") &&
                       Contains("its tensors took up to 12.0 MiB") &&
                       Contains("Use a smaller batch"));
}

TEST_CASE("a size beyond any memory, and no thread to be had") {
  CHECK_THAT(ErrorText(std::length_error("cannot create std::vector larger than max_size()")),
             Contains("[memory] a number that was given asks for more than any memory"));
  CHECK_THAT(
      ErrorText(std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again))),
      Contains("[threads] the system starts no more threads") && Contains("ulimit -u"));
}

TEST_CASE("too many files of this process, which can raise its limit, and of the whole system") {
  CHECK_THAT(ErrorText(Error("[x] cannot open 'y': Too many open files")), Contains("ulimit -n"));
  const char* const of_all = "[x] cannot open 'y': Too many open files in system";
  CHECK(ErrorText(Error(of_all)) == of_all);
}

}  // namespace
}  // namespace convoy
