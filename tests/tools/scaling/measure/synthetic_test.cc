// The list of layers of a synthetic model, and the model.
#include "tools/scaling/measure/synthetic.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>

#include "parallel/data_parallel.h"
#include "parallel/launch.h"

namespace convoy::scaling {
namespace {

TEST_CASE("Lists of layers") {
  const auto layers = ParseSyntheticLayers("2x1.5M:4ms,10k:800us:0.1s,1x7:3");
  REQUIRE(layers.size() == 4);
  CHECK(layers[1].parameters == 1'500'000);
  CHECK(layers[1].backward_ms == 4);
  CHECK(layers[1].forward_ms == 2);
  CHECK(layers[2].parameters == 10'000);
  CHECK(layers[2].backward_ms == Approx(0.8));
  CHECK(layers[2].forward_ms == 100);
  CHECK(layers[3].parameters == 7);
}

TEST_CASE("Wrong lists say where and what") {
  const struct {
    const char* text;
    const char* message;
  } kWrong[] = {
      {"", "at character 1, expected a number of layers or of parameters, found the end"},
      {"x", "at character 1, expected a number of layers or of parameters, found 'x'"},
      {"2x", "at character 3, expected a number of parameters, found the end"},
      {"0x5:1",
       "at character 1, expected a whole number of layers from 1 to 100000, found '0x5:1'"},
      {"1.5x5:1", "at character 1, expected a whole number of layers from 1 to 100000"},
      {"5", "at character 2, expected ':' and the time of backward, found the end"},
      {"5:", "at character 3, expected a time, found the end"},
      {"-5:1", "at character 1, expected 1 to 1000G parameters, found '-5:1'"},
      {"5:-1ms", "at character 3, expected a time from 0 to 3600s, found '-1ms'"},
      {"5:1ms;6:1ms", "at character 6, expected a comma or the end, found ';6:1ms'"},
      {"5:1ms,", "at character 7, expected a number of layers or of parameters, found the end"},
      {"nan:1", "at character 1, expected a number of layers or of parameters, found 'nan:1'"},
  };
  for (const auto& [text, message] : kWrong) {
    CAPTURE(text);
    CHECK_THROWS_WITH(ParseSyntheticLayers(text),
                      Catch::Contains(std::string("[--layers] '") + text + "': " + message));
  }
}

TEST_CASE("A step takes the time that its layers say, and its sums stay zero") {
  std::atomic<size_t> parameters{0};
  std::atomic<int> short_steps{0}, not_zero{0};
  Launch({.workers = 2, .threads = 1, .device = "cpu"}, [&](Worker& worker) {
    const auto model = MakeSynthetic(ParseSyntheticLayers("3x1000:5ms:2ms"), worker);
    parameters += model->Parameters().size();
    DataParallel net(worker, model->Parameters());
    for (int step = 0; step < 2; ++step) {
      const auto start = std::chrono::steady_clock::now();
      net.Backward(model->Loss(), 1.0 / worker.world_size());
      if (std::chrono::steady_clock::now() - start <= std::chrono::milliseconds(20)) ++short_steps;
      for (const auto& [name, tensor] : model->Parameters()) {
        for (const float g : tensor.grad().ToVector<float>()) not_zero += g == 0 ? 0 : 1;
      }
    }
  });
  CHECK(parameters == 6);  // three on each worker
  CHECK(short_steps == 0);
  CHECK(not_zero == 0);
}

}  // namespace
}  // namespace convoy::scaling
