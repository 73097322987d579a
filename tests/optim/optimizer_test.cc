// Optimizers against PyTorch 1.13, and what they promise beyond the numbers.
#include <catch2/catch.hpp>
#include <cmath>
#include <memory>

#include "core/autograd.h"
#include "core/base/error.h"
#include "core/random.h"
#include "core/threads.h"
#include "optim/adam.h"
#include "optim/sgd.h"

namespace convoy {
namespace {

// w (2, 3) and b (3), as in the script that made the reference values.
struct Model {
  Tensor w = Tensor::From<float>({2, 3}, {0.5f, -1.25f, 2.0f, 0.0f, 3.5f, -0.75f});
  Tensor b = Tensor::From<float>({3}, {0.1f, -0.2f, 0.3f});

  Model() {
    w.SetRequiresGrad();
    b.SetRequiresGrad();
  }
  ParameterList Parameters() const { return {{"w", w}, {"b", b}}; }

  std::vector<float> Values() const {
    std::vector<float> values = w.ToVector<float>();
    for (const float x : b.ToVector<float>()) values.push_back(x);
    return values;
  }
};

// Gradient i of step s: 0.1 (i + 1) (-1)^(i + s) + 0.05 s.
void SetGradient(const Tensor& parameter, int step) {
  std::vector<float> values;
  for (int i = 0; i < parameter.numel(); ++i) {
    values.push_back(static_cast<float>(0.1 * (i + 1) * ((i + step) % 2 ? -1 : 1) + 0.05 * step));
  }
  const Tensor slot = [&] {
    MarkGradFresh(parameter);
    return parameter.grad();
  }();
  slot.CopyFrom(Tensor::From(parameter.shape(), values));
}

void Run(Optimizer& optimizer, const Model& model, int first = 0, int last = 4) {
  for (int step = first; step < last; ++step) {
    SetGradient(model.w, step);
    SetGradient(model.b, step);
    optimizer.Step();
  }
}

void RequireClose(const std::vector<float>& got, const std::vector<double>& expected) {
  REQUIRE(got.size() == expected.size());
  for (size_t i = 0; i < got.size(); ++i) {
    CAPTURE(i);
    REQUIRE(got[i] == Approx(expected[i]).epsilon(2e-6).margin(2e-7));
  }
}

TEST_CASE("Sgd gives PyTorch's values") {
  Model model;
  SECTION("plain") {
    Sgd sgd(model.Parameters(), {.lr = 0.1});
    Run(sgd, model);
    RequireClose(model.Values(), {0.469999999, -1.27999997, 1.97000003, -0.0299999975, 3.47000027,
                                  -0.779999971, 0.0700000003, -0.230000004, 0.270000041});
  }
  SECTION("momentum") {
    Sgd sgd(model.Parameters(), {.lr = 0.1f, .momentum = 0.9f});
    Run(sgd, model);
    RequireClose(model.Values(), {0.436159998, -1.26496994, 1.90358007, 0.0176100023, 3.37100005,
                                  -0.699809968, 0.0361599997, -0.214970008, 0.203580007});
  }
  SECTION("momentum and weight decay") {
    Sgd sgd(model.Parameters(), {.lr = 0.1, .momentum = 0.9, .weight_decay = 0.01});
    Run(sgd, model);
    RequireClose(model.Values(), {0.431733638, -1.25377154, 1.88572538, 0.0173899848, 3.33971715,
                                  -0.69337815, 0.0353477262, -0.213258475, 0.201085225});
  }
  SECTION("Nesterov") {
    Sgd sgd(model.Parameters(),
            {.lr = 0.1, .momentum = 0.9, .nesterov = true, .weight_decay = 0.01});
    Run(sgd, model);
    RequireClose(model.Values(), {0.406713665, -1.27852225, 1.85950089, -0.0146115152, 3.31228828,
                                  -0.726481199, 0.0115575874, -0.241237521, 0.180087686});
  }
}

TEST_CASE("Adam and AdamW give PyTorch's values") {
  Model model;
  SECTION("Adam") {
    Adam adam(model.Parameters(), {.lr = 0.01});
    Run(adam, model);
    RequireClose(model.Values(), {0.474248946, -1.24472082, 1.98256731, 0.00860661361, 3.48460317,
                                  -0.740194798, 0.0742489696, -0.194720775, 0.282567233});
  }
  SECTION("Adam with weight decay in the gradient") {
    Adam adam(model.Parameters(),
              {.lr = 0.01, .beta1 = 0.8, .beta2 = 0.95, .eps = 1e-6, .weight_decay = 0.1});
    Run(adam, model);
    RequireClose(model.Values(), {0.467162371, -1.23068583, 1.96999836, 0.00728975236, 3.47076058,
                                  -0.737943172, 0.0726322904, -0.193608016, 0.280710012});
  }
  SECTION("AdamW") {
    AdamW adam(model.Parameters(), {.lr = 0.01});
    Run(adam, model);
    RequireClose(model.Values(), {0.474053144, -1.24422348, 1.98177087, 0.00860362779, 3.48320651,
                                  -0.739897847, 0.0742131621, -0.194643527, 0.282450765});
  }
  SECTION("AdamW with groups") {
    std::vector<ParamGroup> groups = NoDecayOnBiasesAndNorms();
    groups[0].lr_scale = 0.5;
    AdamW adam(model.Parameters(), {.lr = 0.01, .weight_decay = 0.1, .groups = groups});
    Run(adam, model);
    RequireClose(model.Values(), {0.472293824, -1.23975575, 1.97461498, 0.00857678708, 3.47065854,
                                  -0.737229943, 0.0871244818, -0.197360381, 0.291283637});
  }
}

TEST_CASE("The first group that matches counts") {
  Model model;
  const auto named = [](const char* name) {
    return [name](const NamedTensor& parameter) { return parameter.name == name; };
  };
  Sgd sgd(model.Parameters(), {.lr = 1,
                               .groups = {{.matches = named("b"), .lr_scale = 0},
                                          {.matches = named("b"), .lr_scale = 100},
                                          {.matches = named("w"), .lr_scale = 0.1}}});
  SetGradient(model.w, 0);
  SetGradient(model.b, 0);
  sgd.Step();
  REQUIRE(model.b.ToVector<float>() == std::vector<float>{0.1f, -0.2f, 0.3f});
  REQUIRE(model.w.data<float>()[0] == Approx(0.5 - 0.1 * 0.1));
}

// Without gradients decay is all there is: 0.5 of 2, times the rate. Adam, whose gradient that is,
// divides it by the root of its square, which is 1 as well.
TEMPLATE_TEST_CASE("A group's rate counts for its decay, which it has from all or by itself", "",
                   Sgd, Adam, AdamW) {
  ParameterList list;
  for (const char* name : {"plain", "slow", "free", "slow and firm"}) {
    list.push_back({name, Tensor::Full({3}, 2)});
    list.back().tensor.SetRequiresGrad();
  }
  const auto named = [](const char* name) {
    return [name](const NamedTensor& parameter) { return parameter.name == name; };
  };
  TestType optimizer(
      list,
      {.lr = 0.1,
       .weight_decay = 0.5,
       .groups = {{.matches = named("slow"), .lr_scale = 0.5},
                  {.matches = named("free"), .weight_decay = 0.0},
                  {.matches = named("slow and firm"), .lr_scale = 0.1, .weight_decay = 0.5}}});
  optimizer.Step();
  std::vector<float> values;
  for (const NamedTensor& p : list) values.push_back(p.tensor.template data<float>()[2]);
  RequireClose(values, {1.9, 1.95, 2, 1.99});
}

TEST_CASE("Step leaves gradients as they are and takes a missing one as zero") {
  Model model;
  Sgd sgd(model.Parameters(), {.lr = 0.5, .weight_decay = 0.1});
  SetGradient(model.w, 1);
  const std::vector<float> gradient = model.w.grad().ToVector<float>();
  sgd.Step();
  REQUIRE(model.w.grad().ToVector<float>() == gradient);
  REQUIRE_FALSE(HasFreshGrad(model.w));
  REQUIRE(model.b.data<float>()[0] == Approx(0.1 * (1 - 0.5 * 0.1)));  // only the decay
}

TEST_CASE("A learning rate set between steps counts from the next one") {
  Model model;
  Sgd sgd(model.Parameters(), {.lr = 1});
  sgd.set_lr(0);
  Run(sgd, model);
  REQUIRE(model.Values() == Model().Values());
  REQUIRE(sgd.steps() == 4);
  REQUIRE_THROWS_WITH(sgd.set_lr(-1), "[Sgd] lr must be 0 or more, got -1");
  REQUIRE_THROWS_WITH(sgd.set_lr(NAN), Catch::Contains("[Sgd] lr must be 0 or more"));
}

TEST_CASE("State copied into another optimizer goes on bit for bit") {
  Model first, second;
  AdamW a(first.Parameters(), {.lr = 0.01});
  AdamW b(second.Parameters(), {.lr = 0.01});
  Run(a, first, 0, 2);
  const std::vector<StateTensor> from = a.State(), to = b.State();
  std::vector<std::string> names;
  for (size_t i = 0; i < from.size(); ++i) {
    names.push_back(from[i].name);
    REQUIRE(to[i].name == from[i].name);
    to[i].tensor.CopyFrom(from[i].tensor);
  }
  REQUIRE(names == std::vector<std::string>{"step", "skipped_steps", "exp_avg.w", "exp_avg_sq.w",
                                            "exp_avg.b", "exp_avg_sq.b"});
  REQUIRE(from[2].tensor.shape() == Shape{2, 3});
  second.w.CopyFrom(first.w);
  second.b.CopyFrom(first.b);
  Run(a, first, 2, 5);
  Run(b, second, 2, 5);
  REQUIRE(first.Values() == second.Values());
  REQUIRE(b.steps() == 5);
}

TEST_CASE("f64 parameters are updated in f64") {
  Tensor x = Tensor::From<double>({1}, {1.0});
  x.SetRequiresGrad();
  Sgd sgd(ParameterList{{"x", x}}, {.lr = 1e-12});
  MarkGradFresh(x);
  x.grad().data<double>()[0] = 1;
  sgd.Step();
  REQUIRE(x.Item<double>() == 1 - 1e-12);
}

TEMPLATE_TEST_CASE("16-bit parameters follow their f32 master", "", BFloat16, Float16) {
  const auto make = [](auto zero, int64_t n) {
    using T = decltype(zero);
    std::vector<T> values;
    for (int64_t i = 0; i < n; ++i) values.push_back(T(static_cast<float>(i % 7) - 3.0f));
    Tensor tensor = Tensor::From(Shape{n}, values);
    tensor.SetRequiresGrad();
    return tensor;
  };
  const int64_t n = 37;
  const Tensor narrow = make(TestType(), n), wide = make(float(), n);
  AdamW a(ParameterList{{"x", narrow}}, {.lr = 1e-4});
  AdamW b(ParameterList{{"x", wide}}, {.lr = 1e-4});
  REQUIRE(a.State().back().name == "master.x");
  const auto step = [&] {
    for (const Tensor& x : {narrow, wide}) MarkGradFresh(x);
    for (int64_t i = 0; i < n; ++i) {
      narrow.grad().template data<TestType>()[i] = TestType(0.5f);
      wide.grad().template data<float>()[i] = 0.5f;
    }
    a.Step();
    b.Step();
  };
  const auto require_equal = [&] {
    for (int64_t i = 0; i < n; ++i) {
      const auto expected = static_cast<float>(TestType(wide.template data<float>()[i]));
      REQUIRE(static_cast<float>(narrow.template data<TestType>()[i]) == expected);
    }
  };
  // Each step is far below the spacing of 16-bit numbers, yet thirty of them add up.
  for (int s = 0; s < 30; ++s) step();
  require_equal();
  REQUIRE(static_cast<float>(narrow.template data<TestType>()[1]) != 0);

  // Values written from outside are what the next step goes on from.
  narrow.CopyFrom(Tensor::Full({n}, 2, narrow.options()));
  wide.CopyFrom(Tensor::Full({n}, 2));
  for (int s = 0; s < 3; ++s) step();
  require_equal();
}

template <typename Make>
std::vector<float> TrainOnThreads(int threads, int64_t n, Make&& make) {
  SetCpuThreads(threads);
  Tensor x = Tensor::Empty({n});
  Tensor y = Tensor::Empty({5});
  Random random(7);
  random.Normal(x, 0, 1);
  random.Normal(y, 0, 1);
  x.SetRequiresGrad();
  y.SetRequiresGrad();
  const auto optimizer = make(ParameterList{{"x", x}, {"y", y}});
  for (int step = 0; step < 3; ++step) {
    for (const Tensor& p : {x, y}) {
      MarkGradFresh(p);
      random.Normal(p.grad(), 0, 1);
    }
    optimizer->Step();
  }
  std::vector<float> values = x.ToVector<float>();
  for (const float v : y.ToVector<float>()) values.push_back(v);
  SetCpuThreads(0);
  return values;
}

TEST_CASE("One, two and three threads give the same bits") {
  for (const int64_t n : {0, 1, 15, 17, 100003}) {
    CAPTURE(n);
    const auto sgd = [](const ParameterList& parameters) {
      return std::make_unique<Sgd>(
          parameters, SgdOptions{.momentum = 0.9, .nesterov = true, .weight_decay = 0.1});
    };
    const auto adam = [](const ParameterList& parameters) {
      return std::make_unique<AdamW>(parameters, AdamWOptions{});
    };
    const std::vector<float> sgd_values = TrainOnThreads(1, n, sgd);
    const std::vector<float> adam_values = TrainOnThreads(1, n, adam);
    for (const int threads : {2, 3}) {
      REQUIRE(TrainOnThreads(threads, n, sgd) == sgd_values);
      REQUIRE(TrainOnThreads(threads, n, adam) == adam_values);
    }
  }
}

TEST_CASE("Padding stays zero") {
  Model model;
  AdamW adam(model.Parameters(), {});
  Run(adam, model);
  const std::vector<float> all = adam.parameters().buckets()[0].values.ToVector<float>();
  REQUIRE(all.size() == 512);
  for (size_t i = 6; i < 256; ++i) REQUIRE(all[i] == 0);
  for (size_t i = 259; i < 512; ++i) REQUIRE(all[i] == 0);
}

TEST_CASE("Optimizers refuse options that make no sense") {
  Model model;
  const ParameterList p = model.Parameters();
  REQUIRE_THROWS_WITH(Sgd(p, {.lr = -0.1}), "[Sgd] lr must be 0 or more, got -0.1");
  REQUIRE_THROWS_WITH(Sgd(p, {.momentum = 1.0}), "[Sgd] momentum must lie in [0, 1), got 1");
  REQUIRE_THROWS_WITH(Sgd(p, {.nesterov = true}), "[Sgd] Nesterov wants a momentum over 0");
  REQUIRE_THROWS_WITH(AdamW(p, {.weight_decay = -1}),
                      "[AdamW] weight_decay must be 0 or more, got -1");
  REQUIRE_THROWS_WITH(Adam(p, {.beta2 = 1.5}), "[Adam] beta2 must lie in [0, 1), got 1.5");
  REQUIRE_THROWS_WITH(Adam(p, {.eps = 0.0}), "[Adam] eps must be over 0, got 0");
}

TEST_CASE("Two optimizers over one parameter list: the first one says so") {
  Model model;
  Sgd first(model.Parameters(), {});
  Sgd second(model.Parameters(), {});
  second.Step();
  REQUIRE_THROWS_WITH(first.Step(),
                      "[FlatParameters] parameter 'w' was moved into another flat buffer since; "
                      "give an optimizer DataParallel's Parameters(), and make one FlatParameters "
                      "per model");
}

TEST_CASE("A parameter that is frozen keeps its value, whatever momentum and decay it has") {
  const auto check = [](Optimizer& optimizer, Model& model) {
    Run(optimizer, model, 0, 2);
    model.w.SetRequiresGrad(false);
    const std::vector<float> w = model.w.ToVector<float>(), b = model.b.ToVector<float>();
    for (int step = 2; step < 5; ++step) {
      SetGradient(model.b, step);
      optimizer.Step();
    }
    CHECK(model.w.ToVector<float>() == w);
    CHECK(model.b.ToVector<float>() != b);
    model.w.SetRequiresGrad();
    Run(optimizer, model, 5, 6);
    CHECK(model.w.ToVector<float>() != w);
  };
  {
    Model model;
    Sgd sgd(model.Parameters(), {.lr = 0.1, .momentum = 0.9, .weight_decay = 0.1});
    check(sgd, model);
  }
  {
    Model model;
    AdamW adam(model.Parameters(), {.lr = 0.1, .weight_decay = 0.1});
    check(adam, model);
  }
}

}  // namespace
}  // namespace convoy
