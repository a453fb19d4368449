/** Compiled for plain x86-64, like startup.cpp; everything else lies behind one call. */
namespace tunesmith {
int engine_main(int argc, char** argv);
}

int main(int argc, char** argv) { return tunesmith::engine_main(argc, argv); }
