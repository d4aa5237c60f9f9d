// How exceptions find their way in programs that load nothing. The start files of GCC register the unwinding tables of
// a static program, and the first exception sorts all of them: a millisecond, for a file that is not there. Without
// that the linker's sorted table (--eh-frame-hdr) is used, as in other programs. addon/program.gypi wraps the two
// functions.

extern "C" {

[[gnu::used]] void __wrap___register_frame_info(const void*, void*) {}
[[gnu::used]] void* __wrap___deregister_frame_info(const void*) { return nullptr; }

}  // extern "C"
