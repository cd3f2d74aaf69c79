/* Generated code made runnable here: written to a cache, built with the system's C compiler,
 * loaded. */
#ifndef NNC_DRIVER_NATIVE_H
#define NNC_DRIVER_NATIVE_H
#include "emit/emit.h"
#include "nn_model.h"

typedef struct Native {
    void *handle;
    const nn_model *model;
    const char *library;             /* path of the shared object */
    double build_seconds;            /* 0 if it was in the cache */
} Native;

/* Builds the emission with `flags` ("-O2") and loads its NAME_model. NULL, or what went wrong. */
const char *native_load(Arena *arena, const Emission *e, const char *flags, Native *out);
void native_close(Native *native);

/* Takes it out of the cache, so that the next load builds it. */
void native_forget(Native *native);
/* Bytes of machine code in the loaded library; 0 where its format is not known. */
int64_t native_code_bytes(Arena *arena, const Native *native);

/* The directory of the cache: $XDG_CACHE_HOME/nnc, $HOME/.cache/nnc, else a private one under
 * $TMPDIR; made if missing. NULL, or a message. */
const char *cache_directory(Arena *arena, const char **path);
/* Builds one C file as a shared library with the system's C compiler ($CC, else cc).
 * headers: a directory of them, or NULL. NULL, or a message. */
const char *build_library(Arena *arena, const char *flags, const char *headers, const char *output,
                          const char *source);
/* Runs a command (argv[0] by PATH) and waits. NULL, or a message with its exit status. */
const char *run_command(Arena *arena, const char *const *argv);
#endif
