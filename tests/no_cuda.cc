// In place of a CUDA test where the build has no CUDA backend.
#include <catch2/catch.hpp>

TEST_CASE("This build has no CUDA backend") { WARN("SKIPPED: built without the CUDA backend"); }
