/* Says where the tables lie: a section, an address space, an alignment. */
#ifndef MODEL_WEIGHTS
#if defined(__GNUC__)
#define MODEL_WEIGHTS __attribute__((aligned(64)))
#else
#define MODEL_WEIGHTS
#endif
#endif

