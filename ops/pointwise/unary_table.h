// The table of the element-wise functions of one tensor: a row is all that a new one needs, apart
// from its samples in the op table of the tests (tests/ops).
//
// From it follow the formulas for vectors and for scalars (unary-inl.h), the kernels of every
// device, the public functions (ops/unary.h), the activations of Linear (ops/linear.h), and the
// test that compares the two builds of a formula. Define the macros of the rows, then
// include this file, as often as needed: it has no include guard. A macro left undefined expands to
// nothing (CONVOY_ACTIVATION to CONVOY_UNARY), and all are undefined at the end.
//
//   CONVOY_UNARY(Name, op, saves, low, high, forward, gradient)
//
// Name      of the struct with the formula, and of the public function `Tensor Name(const Tensor&)`
// op        the name that messages and the op table know it by
// saves     what its gradient reads (Saves): kNothing, kInput or kOutput
// low, high the range of inputs over which tests compare the vector with the scalar build
// forward   f(x). `m` is the mathematics (scalar_math.h lists its functions): so that one formula
//           serves vectors and scalars, constants are m.Set(1) and choices m.Select(mask, yes, no)
// gradient  the gradient of x, where `g` is that of the output; it may use x or y, as `saves` says
//
//   CONVOY_ACTIVATION(...)                  the same, for a function that Linear can apply as well
//   CONVOY_UNARY_OF_CONSTANTS(Name, op)     a function with constants of its own: its struct is in
//                                           constants-inl.h, its public function in ops/unary
//
// Formulas of more than a line are functions in activations-inl.h.

#ifndef CONVOY_UNARY
#define CONVOY_UNARY(...)
#endif
#ifndef CONVOY_ACTIVATION
#define CONVOY_ACTIVATION CONVOY_UNARY
#endif
#ifndef CONVOY_UNARY_OF_CONSTANTS
#define CONVOY_UNARY_OF_CONSTANTS(...)
#endif

// clang-format off

CONVOY_UNARY(Neg, "Neg", kNothing, -3, 3,
             m.Neg(x),
             m.Neg(g))

/// |x|; the gradient at 0 is 0.
CONVOY_UNARY(Abs, "Abs", kInput, -3, 3,
             m.Abs(x),
             m.Select(x > m.Set(0), g, m.SelectOrZero(x < m.Set(0), m.Neg(g))))

CONVOY_UNARY(Exp, "Exp", kOutput, -20, 20,
             m.Exp(x),
             g * y)

/// Natural logarithm; NaN below 0, -inf at 0.
CONVOY_UNARY(Log, "Log", kInput, 0.1, 9,
             m.Log(x),
             g / x)

CONVOY_UNARY(Sqrt, "Sqrt", kOutput, 0.1, 9,
             m.Sqrt(x),
             m.Set(0.5) * g / y)

/// 1 / sqrt(x). The gradient is computed in an order in which only the result may overflow.
CONVOY_UNARY(Rsqrt, "Rsqrt", kOutput, 0.1, 9,
             m.Set(1) / m.Sqrt(x),
             m.Set(-0.5) * g * y * y * y)

/// The gradient avoids 1 - y * y, which loses digits near 1.
CONVOY_UNARY(Tanh, "Tanh", kOutput, -20, 20,
             m.Tanh(x),
             g * ((m.Set(1) - y) * (m.Set(1) + y)))

/// 1 / (1 + exp(-x)).
CONVOY_UNARY(Sigmoid, "Sigmoid", kOutput, -20, 20,
             m.Set(1) / (m.Set(1) + m.Exp(m.Neg(x))),
             g * y * (m.Set(1) - y))

/// max(x, 0); the gradient at 0 is 0. Where y is NaN, g passes.
CONVOY_ACTIVATION(Relu, "Relu", kOutput, -3, 3,
                  m.Max(m.Set(0), x),
                  m.Select(y <= m.Set(0), m.Set(0), g))

/// x * Sigmoid(x).
CONVOY_UNARY(Silu, "Silu", kInput, -20, 20,
             SiluForward(m, x),
             SiluGradient(m, g, x))

/// x * Phi(x), Phi the normal distribution function (erf).
CONVOY_ACTIVATION(Gelu, "Gelu", kInput, -9, 9,
                  GeluForward(m, x),
                  GeluGradient(m, g, x))

/// GPT-2's approximation of Gelu: x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3))).
CONVOY_ACTIVATION(GeluTanh, "Gelu", kInput, -9, 9,
                  GeluTanhForward(m, x),
                  GeluTanhGradient(m, g, x))

CONVOY_UNARY_OF_CONSTANTS(Clamp, "Clamp")
CONVOY_UNARY_OF_CONSTANTS(PowOfConstant, "Pow")

// clang-format on

#undef CONVOY_UNARY
#undef CONVOY_ACTIVATION
#undef CONVOY_UNARY_OF_CONSTANTS
