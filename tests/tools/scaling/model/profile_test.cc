// Profiles: bundled ones, and files good and wrong.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "models/gpt.h"
#include "tests/models/data/temporary_folder.h"
#include "tools/scaling/model/profile_file.h"

namespace convoy::scaling {
namespace {

int64_t Numel(const ModelProfile& profile) {
  int64_t numel = 0;
  for (const ParameterProfile& p : profile.parameters) {
    numel += p.bytes / static_cast<int64_t>(SizeOf(p.dtype));
  }
  return numel;
}

// The share of backward that has passed when a parameter's gradient is ready.
double Ready(const ModelProfile& profile, const std::string& name) {
  for (const ParameterProfile& p : profile.parameters) {
    if (p.name == name) return p.ready_ms / profile.backward_ms;
  }
  FAIL("no parameter " << name);
  return 0;
}

TEST_CASE("Architectures have as many parameters as published") {
  const std::vector<std::pair<std::string, int64_t>> published = {
      {"resnet50", 25'557'032},      {"resnet101", 44'549'160},     {"vgg16", 138'357'544},
      {"inception-v3", 23'834'568},  {"resnet50-v100", 25'557'032}, {"resnet50-a100", 25'557'032},
      {"resnet50-h100", 25'557'032}, {"gpt2-124m", 124'439'808},
  };
  std::vector<std::string> names;
  for (const auto& [name, numel] : published) {
    CHECK(Numel(FindProfile(name)) == numel);
    names.push_back(name);
  }
  CHECK_THAT(BundledProfiles(), Catch::UnorderedEquals(names));
  // A layer's share of backward is that of its multiplications and additions in forward, as papers
  // and libraries count them. Here of the last layer, and of all layers but the first.
  CHECK(Ready(FindProfile("resnet50"), "fc.bias") ==
        Approx(2 * 2.048e6 / (2 * 4.09e9)).epsilon(0.005));
  CHECK(Ready(FindProfile("resnet50"), "bn1.weight") == Approx(1).epsilon(1e-9));
  CHECK(1 - Ready(FindProfile("resnet50"), "layer1.0.conv1.weight") ==
        Approx(0.118e9 / 4.09e9).epsilon(0.005));
  CHECK(Ready(FindProfile("vgg16"), "classifier.6.bias") ==
        Approx(4.096e6 / 15.47e9).epsilon(0.005));
  CHECK(Ready(FindProfile("inception-v3"), "fc.bias") == Approx(2.048e6 / 5.71e9).epsilon(0.005));
  // 741 MFLOP for matrices, forward and backward, and 18.9 for attention forward. The output's
  // matrix comes first.
  CHECK(Ready(FindProfile("gpt2-124m"), "ln_f.bias") ==
        Approx(2.0 * 50257 * 768 / (741e6 / 3 + 18.9e6)).epsilon(0.005));
}

TEST_CASE("GPT-2's parameters are named and ordered as those of Convoy's own model") {
  const Gpt gpt({.vocab_size = 8, .block_size = 8, .layers = 12, .heads = 1, .channels = 4},
                Device::Cpu(), 1);
  std::vector<std::string> expected, found;
  for (const auto& [name, tensor] : gpt.Parameters()) expected.push_back(name);
  for (const ParameterProfile& p : FindProfile("gpt2-124m").parameters) found.push_back(p.name);
  CHECK(found == expected);
}

TEST_CASE("A bundled profile spreads the published step over its layers") {
  for (const std::string& name : BundledProfiles()) {
    CAPTURE(name);
    const ModelProfile profile = FindProfile(name);
    CHECK(profile.model == name);
    CHECK(profile.source.size() > 20);
    CHECK(profile.backward_ms == Approx(2 * profile.forward_ms));
    double later = 0;
    for (size_t p = profile.parameters.size(); p-- > 0;) {
      CHECK(profile.parameters[p].ready_ms >= later);
      later = profile.parameters[p].ready_ms;
    }
    CHECK(later == Approx(profile.backward_ms));
  }
  const ModelProfile vgg = FindProfile("vgg16");
  CHECK(vgg.step_ms() == Approx(64 / 154.0 * 1e3));
  CHECK(vgg.bytes() == 4 * 138'357'544);
  // Dense layers are four fifths of the bytes, and come first.
  CHECK(vgg.parameters.back().name == "classifier.6.bias");
  CHECK(vgg.parameters[26].name == "classifier.0.weight");
  CHECK(vgg.parameters[26].ready_ms < 0.01 * vgg.backward_ms);
  const ModelProfile gpt = FindProfile("gpt2-124m");
  CHECK(gpt.step_ms() == Approx(140));
  CHECK(gpt.bytes() == 2 * 124'439'808);
  // The output's weight is the embedding: its time comes first, its gradient is complete last.
  CHECK(gpt.parameters.back().name == "ln_f.bias");
  CHECK(gpt.parameters.back().ready_ms == Approx(0.29 * gpt.backward_ms).epsilon(0.02));
  CHECK(FindProfile("resnet50").step_ms() == Approx(64 / 219.0 * 1e3));
}

TEST_CASE("A profile that was written is read again") {
  const TemporaryFolder folder;
  ModelProfile profile = FindProfile("resnet50");
  profile.parameters[0].dtype = DType::kBF16;
  profile.parameters[1].name = "a \"b\"";
  profile.source = "line one\nline two";
  profile.published = {{.workers = 8, .efficiency = 0.976, .source = "a \"page\""},
                       {.workers = 256, .efficiency = 0.9, .source = "another"}};
  profile.remarks = {"near-linear", "100% of what is possible"};
  WriteProfile(folder / "p.toml", profile);
  const ModelProfile read = FindProfile(folder / "p.toml");
  CHECK(read.model == profile.model);
  CHECK(read.source == profile.source);
  CHECK(read.unit == profile.unit);
  CHECK(read.units == profile.units);
  CHECK(read.forward_ms == profile.forward_ms);
  CHECK(read.backward_ms == profile.backward_ms);
  CHECK(read.optimizer_ms == profile.optimizer_ms);
  CHECK(read.remarks == profile.remarks);
  REQUIRE(read.published.size() == 2);
  for (size_t i = 0; i < 2; ++i) {
    CHECK(read.published[i].workers == profile.published[i].workers);
    CHECK(read.published[i].efficiency == profile.published[i].efficiency);
    CHECK(read.published[i].source == profile.published[i].source);
  }
  REQUIRE(read.parameters.size() == profile.parameters.size());
  for (size_t i = 0; i < read.parameters.size(); ++i) {
    CHECK(read.parameters[i].name == profile.parameters[i].name);
    CHECK(read.parameters[i].bytes == profile.parameters[i].bytes);
    CHECK(read.parameters[i].dtype == profile.parameters[i].dtype);
    CHECK(read.parameters[i].ready_ms == profile.parameters[i].ready_ms);
  }
}

TEST_CASE("Wrong profiles are refused with line and reason") {
  const TemporaryFolder folder;
  const std::string head =
      "model = \"m\"\nsource = \"s\"\nunit = \"tokens\"\nunits = 8\nforward_ms = 1\nbackward_ms = "
      "2\noptimizer_ms = 0\n";
  const std::string good = "[[parameter]]\nname = \"a\"\nbytes = 4\nready_ms = 2\n";
  const auto without = [&](const std::string& line) {
    std::string text = head + good;
    const size_t at = text.find(line);
    return text.erase(at, text.find('\n', at) + 1 - at);
  };
  const struct {
    std::string text, message;
  } rows[] = {
      {head + good, "none"},
      {head, "FILE: there is no parameter"},
      {"published = [{workers = 8, efficiency = 0, source = \"s\"}]\n" + head + good,
       "FILE:1: 'efficiency' must be a number over 0, got 0"},
      {"published = [{workers = 0, efficiency = 0.9, source = \"s\"}]\n" + head + good,
       "FILE:1: 'workers' must be a whole number of at least 1, got 0"},
      {"published = [{workers = 8, efficiency = 0.9}]\n" + head + good,
       "FILE:1: the key 'source' is missing"},
      {without("model"), "FILE: the key 'model' is missing"},
      {without("units"), "FILE: the key 'units' is missing"},
      {without("backward_ms"), "FILE: the key 'backward_ms' is missing"},
      {without("bytes"), "FILE:8: the key 'bytes' is missing"},
      {head + good + "forward_ms = 3\n",
       "FILE:12: the key 'forward_ms' is unknown; those that are known here: bytes, dtype, name, "
       "ready_ms"},
      {"units = -1\n" + without("units"), "FILE:1: 'units' must be a number over 0, got -1"},
      {"backward_ms = 0\n" + without("backward_ms"),
       "FILE:1: 'backward_ms' must be a number over 0, got 0"},
      {"forward_ms = -0.5\n" + without("forward_ms"),
       "FILE:1: 'forward_ms' must be a number of at least 0, got -0.5"},
      {without("bytes") + "bytes = -4\n",
       "FILE:11: 'bytes' must be a whole number of at least 0, got -4"},
      {without("bytes") + "bytes = 4.5\n",
       "FILE:11: 'bytes' must be a whole number of at least 0, got 4.5"},
      {without("ready_ms") + "ready_ms = 2.5\n",
       "FILE:11: the gradient of 'a' is ready after 2.5 ms, but backward has ended after 2"},
      {head + good + "dtype = \"i32\"\n",
       "FILE:12: 'dtype' must be f32, f64, bf16 or f16, got the string 'i32'"},
      {head + good + good, "FILE:12: parameter 'a' is there twice, first in line 8"},
      {"color = 1\n" + head + good,
       "FILE:1: the key 'color' is unknown; those that are known here: backward_ms, forward_ms, "
       "model, optimizer_ms, parameter, published, remarks, source, unit, units"},
  };
  for (const auto& [text, message] : rows) {
    CAPTURE(text);
    std::string found = "none";
    try {
      ReadProfile(folder.Write("p.toml", text));
    } catch (const Error& error) {
      found = error.what();
    }
    const std::string start = "[profile] " + (folder / "p.toml");
    if (found.starts_with(start)) found.replace(0, start.size(), "FILE");
    CHECK(found == message);
  }
  CHECK_THROWS_WITH(FindProfile("alexnet"),
                    "[profile] 'alexnet' is neither a file nor bundled; bundled are: gpt2-124m, "
                    "inception-v3, resnet101, resnet50-a100, resnet50-h100, resnet50-v100, "
                    "resnet50, vgg16");
}

}  // namespace
}  // namespace convoy::scaling
