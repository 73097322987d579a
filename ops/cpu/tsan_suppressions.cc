// What ThreadSanitizer is told to leave alone, in every program that multiplies matrices.
//
// GNU OpenMP and oneDNN are not built for ThreadSanitizer, which therefore sees their memory
// operations but not their locks and barriers, and would report races that are none.
#if defined(__SANITIZE_THREAD__)

extern "C" const char* __tsan_default_suppressions();

extern "C" const char* __tsan_default_suppressions() {
  return "called_from_lib:libgomp.so\n"
         "called_from_lib:libdnnl.so\n";
}

#endif
