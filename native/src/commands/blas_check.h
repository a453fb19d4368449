#pragma once

namespace tunesmith {

/** Old OpenBLAS releases compute wrong products, or crash, on CPUs that came after them. Compares sgemm with a plain product
    in a child process, before anything else uses BLAS; where they differ, starts the program once more with OpenBLAS's
    Haswell kernels (AVX2, in every CPU the engine runs on). Throws Error where those are wrong too.

    Which kernels are tried first is chosen in startup.cpp. On a Zen 4, where 0.3.21 by itself takes Cooperlake, its
    Cooperlake, SkylakeX, Zen and Haswell kernels lay within 10 % of each other on six of seven shapes of training (93 to
    109 GFLOP/s a core on the large ones); on thin ones (rank 16) Cooperlake came out lowest. */
void ensure_correct_blas(char** argv);

}  // namespace tunesmith
