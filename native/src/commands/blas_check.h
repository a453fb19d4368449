#pragma once

namespace tunesmith {

/** Old OpenBLAS releases compute wrong products, or crash, on CPUs that came after them. Compares sgemm with a plain product
    in a child process, before anything else uses BLAS; where they differ, starts the program once more with OpenBLAS's
    Haswell kernels (AVX2, in every CPU the engine runs on). Throws Error where those are wrong too. */
void ensure_correct_blas(char** argv);

}  // namespace tunesmith
