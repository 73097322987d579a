// What ThreadSanitizer is told to leave alone, in every program that links the operations:
// libraries that are not built for it. It sees their memory operations but not all of their locks,
// barriers and atomic counters, and would report races that are none.
#if defined(__SANITIZE_THREAD__)

extern "C" const char* __tsan_default_suppressions();

extern "C" const char* __tsan_default_suppressions() {
  return "called_from_lib:libgomp.so\n"
         "called_from_lib:libdnnl.so\n"
         // An exception that goes from one thread to another counts its text's owners.
         "race:std::runtime_error::~runtime_error\n"
         // A buffer dies only once the connections' thread has let go of it.
         "race:gloo::transport::tcp::UnboundBuffer\n";
}

#endif
