// main() of every test, and what ThreadSanitizer is told to leave alone.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>

// GNU OpenMP and oneDNN are not built for ThreadSanitizer, which therefore sees their memory
// operations but not their locks and barriers, and would report races that are none.
extern "C" const char* __tsan_default_suppressions() {
  return "called_from_lib:libgomp.so\n"
         "called_from_lib:libdnnl.so\n";
}
