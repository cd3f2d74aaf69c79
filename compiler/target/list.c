/* All targets, and the best one for the processor that nnc runs on. */
#include <string.h>

#include "target/target.h"

extern const Target target_avx2, target_avx512, target_neon;

const Target *const targets[] = {&target_scalar, &target_neon, &target_avx2, &target_avx512, NULL};

bool target_runs_here(const Target *t)
{
#if defined(__x86_64__) && defined(__GNUC__)
    if (!strcmp(t->name, "avx512"))
        return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")
            && __builtin_cpu_supports("avx512vl");
    if (!strcmp(t->name, "avx2"))
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#elif defined(__aarch64__)
    if (!strcmp(t->name, "neon")) return true;
#endif
    return !strcmp(t->name, "scalar");
}

const Target *target_find(const char *name)
{
    const Target *best = NULL;
    const bool native = !strcmp(name, "native");
    for (int i = 0; targets[i]; i++)
        if (native ? target_runs_here(targets[i]) : !strcmp(targets[i]->name, name))
            best = targets[i];
    return best;
}
