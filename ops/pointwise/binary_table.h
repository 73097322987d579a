// The table of the element-wise functions of two tensors: a row is all that a new one needs, apart
// from its samples in the op table of the tests (tests/ops).
//
// From it follow the formulas for vectors and for scalars (binary-inl.h), the kernels of every
// device, and the public functions (ops/binary.h). Define the macros of the rows,
// then include this file, as often as needed: it has no include guard. A macro left undefined
// expands to nothing, and all are undefined at the end.
//
//   CONVOY_BINARY(Name, op, lhs_reads, rhs_reads, forward, lhs_gradient, rhs_gradient)
//
// Name      of the struct with the formula, and of the public function
//           `Tensor Name(const Tensor& lhs, const Tensor& rhs)`
// op        the name that messages and the op table know it by
// *_reads   what the gradient of a side is computed from, beside that of the output (Partial):
//           kNeither, kLhs, kRhs, kBoth, or kIsGradient if it is the output's gradient itself
// forward   f(a, b); `m` is the mathematics, as in unary_table.h
// *_gradient the gradients of a and b, where `g` is that of the output; `a` and `b` are 0 unless
//           *_reads names them
//
//   CONVOY_BINARY_STEP(Name, forward)   a step of other ops, without a gradient or a function

#ifndef CONVOY_BINARY
#define CONVOY_BINARY(...)
#endif
#ifndef CONVOY_BINARY_STEP
#define CONVOY_BINARY_STEP(...)
#endif

// clang-format off

CONVOY_BINARY(Add, "Add", kIsGradient, kIsGradient,
              a + b,
              g,
              g)

CONVOY_BINARY(Sub, "Sub", kIsGradient, kNeither,
              a - b,
              g,
              m.Neg(g))

CONVOY_BINARY(Mul, "Mul", kRhs, kLhs,
              a * b,
              g * b,
              g * a)

CONVOY_BINARY(Div, "Div", kRhs, kBoth,
              a / b,
              g / b,
              m.Neg(m.QuotientSlope(g, a, b)))

/// The greater, NaN if either is; where equal, each side gets half of the gradient.
CONVOY_BINARY(Maximum, "Maximum", kBoth, kBoth,
              m.Select(a == a, m.Max(a, b), a),
              UnlessLost(m, g, a < b, a == b),
              UnlessLost(m, g, b < a, a == b))

/// The lesser, NaN if either is; where equal, each side gets half of the gradient.
CONVOY_BINARY(Minimum, "Minimum", kBoth, kBoth,
              m.Select(a == a, m.Min(a, b), a),
              UnlessLost(m, g, a > b, a == b),
              UnlessLost(m, g, b > a, a == b))

/// a ^ b. The op is registered beside Pow(x, exponent).
CONVOY_BINARY(Pow, "Pow", kBoth, kBoth,
              m.Pow(a, b),
              PowLhsGradient(m, g, a, b),
              PowRhsGradient(m, g, a, b))

/// 1 where a equals b, else 0.
CONVOY_BINARY_STEP(Equal, m.SelectOrZero(a == b, m.Set(1)))

// clang-format on

#undef CONVOY_BINARY
#undef CONVOY_BINARY_STEP
