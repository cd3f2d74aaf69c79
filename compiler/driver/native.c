/* Generated code made runnable here. */
#include "driver/native.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- the cache ---- */

static uint64_t cache_key(uint64_t h, const char *text)
{
    for (const char *c = text; *c; c++) h = (h ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
    return h;
}

/* Libraries are loaded from there, so nobody else may put one in. */
static const char *make_private(Arena *arena, const char *path)
{
    struct stat info;
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return arena_printf(arena, "cannot make the directory %s: %s", path, strerror(errno));
    if (lstat(path, &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == getuid()
        && !(info.st_mode & (S_IWGRP | S_IWOTH)))
        return NULL;
    return arena_printf(arena, "others may write to %s", path);
}

const char *cache_directory(Arena *arena, const char **path)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME"), *tmp = getenv("TMPDIR");
    const char *problem;
    if (cache && *cache)
        *path = arena_printf(arena, "%s/nnc", cache);
    else if (home && *home)
        *path = arena_printf(arena, "%s/.cache/nnc", home);
    else
        *path = arena_printf(arena, "%s/nnc-%ld", tmp && *tmp ? tmp : "/tmp", (long)getuid());
    if ((cache && *cache) || (home && *home)) problem = directory_make(arena, *path);
    else problem = make_private(arena, *path);
    if (!problem && access(*path, W_OK) != 0)
        problem = arena_printf(arena, "cannot write to %s: %s", *path, strerror(errno));
    if (!problem) return NULL;
    return arena_printf(arena, "%s\nhelp: XDG_CACHE_HOME may name another directory for the cache",
                        problem);
}

/* ---- commands ---- */

enum { NOT_FOUND = 127 }; /* as shells say it */

const char *run_command(Arena *arena, const char *const *argv)
{
    int status = 0;
    const pid_t pid = fork();
    if (pid < 0) return arena_printf(arena, "cannot start %s: %s", argv[0], strerror(errno));
    if (pid == 0) {
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(NOT_FOUND);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return NULL;
    if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_FOUND)
        return arena_printf(arena, "cannot run %s: no such command\nhelp: CC names the C compiler",
                            argv[0]);
    return arena_printf(arena, "%s failed with status %d", argv[0],
                        WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
}

/* ---- building and loading ---- */

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef VEC(const char *) Words;

static void add_words(Arena *arena, Words *words, const char *text)
{
    char *rest = arena_strdup(arena, text);
    for (char *word = strtok_r(rest, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        vec_push(arena, *words, word);
}

/* CC may have words of its own: "ccache gcc", "clang --target=...". */
const char *build_library(Arena *arena, const char *flags, const char *headers, const char *output,
                          const char *source)
{
    Words words = {0};
    const char *cc = getenv("CC");
    add_words(arena, &words, cc && *cc ? cc : "cc");
    add_words(arena, &words, "-std=c11 -fPIC -shared");
    add_words(arena, &words, flags);
    if (headers) vec_push(arena, words, arena_printf(arena, "-I%s", headers));
    vec_push(arena, words, "-o");
    vec_push(arena, words, output);
    vec_push(arena, words, source);
    vec_push(arena, words, NULL);
    return run_command(arena, words.at);
}

static const char *build(Arena *arena, const Emission *e, const char *flags, const char *stem,
                         const Text *header, const Text *source)
{
    const char *temporary = arena_printf(arena, "%s.%ld", stem, (long)getpid());
    const char *directory = arena_printf(arena, "%s.d", temporary);
    if (mkdir(directory, 0700) != 0 && errno != EEXIST)
        return arena_printf(arena, "cannot make %s: %s", directory, strerror(errno));
    const char *h = arena_printf(arena, "%s/%s.h", directory, e->options.name);
    const char *c = arena_printf(arena, "%s/%s.c", directory, e->options.name);
    const char *so = arena_printf(arena, "%s/%s.so", directory, e->options.name);
    const char *problem = file_write(arena, h, header->at, header->length);
    if (!problem) problem = file_write(arena, c, source->at, source->length);
    if (!problem) problem = build_library(arena, flags, NULL, so, c);
    if (!problem && rename(so, arena_printf(arena, "%s.so", stem)) != 0)
        problem = arena_printf(arena, "cannot write %s.so: %s", stem, strerror(errno));
    unlink(h);
    unlink(c);
    unlink(so);
    rmdir(directory);
    return problem;
}

static uint64_t little_endian(const char *at, int bytes)
{
    uint64_t n = 0;
    for (int i = bytes - 1; i >= 0; i--) n = n << 8 | (unsigned char)at[i];
    return n;
}

/* Whether a library in the cache is there as a whole: a full disk or a fall of power may have left
 * a part of it, whose missing pages would end the program. In ELF of 64 bits the table of sections,
 * which stands last, is at e_shoff = 40; e_shentsize and e_shnum are at 58 and 60. */
static bool is_whole(Arena *arena, const char *library)
{
    enum { HEADER = 64 };
    char *data;
    size_t length;
    if (access(library, R_OK) != 0 || file_read(arena, library, &data, &length)) return false;
    if (length < 5 || memcmp(data, "\177ELF", 4) != 0) return length >= HEADER;
    if (length < HEADER) return false;
    if (memcmp(data + 4, "\2\1", 2) != 0) return true; /* another machine's form */
    const uint64_t table = little_endian(data + 40, 8);
    const uint64_t bytes = little_endian(data + 58, 2) * little_endian(data + 60, 2);
    return table <= length && bytes <= length - table;
}

static const char *load(Arena *arena, const Emission *e, Native *out)
{
    out->handle = dlopen(out->library, RTLD_NOW | RTLD_LOCAL);
    if (!out->handle) return arena_printf(arena, "cannot load %s: %s", out->library, dlerror());
    /* Several targets: the best that this processor has. */
    void *select = dlsym(out->handle, arena_printf(arena, "%s_select", e->options.name));
    if (select) {
        const nn_model *(*choose)(void);
        memcpy(&choose, &select, sizeof choose);
        out->model = choose();
    } else {
        out->model = dlsym(out->handle, arena_printf(arena, "%s_model", e->options.name));
    }
    return out->model ? NULL
                      : arena_printf(arena, "%s has no %s_model", out->library, e->options.name);
}

const char *native_load(Arena *arena, const Emission *e, const char *flags, Native *out)
{
    Text header = text_new(arena), source = text_new(arena);
    const char *directory, *problem = cache_directory(arena, &directory);
    if (problem) return problem;
    emit_header(&header, e);
    emit_source(&source, e);
    uint64_t key = cache_key(cache_key(UINT64_C(0xcbf29ce484222325), header.at), source.at);
    key = cache_key(cache_key(key, flags), getenv("CC") ? getenv("CC") : "cc");
    const char *stem =
        arena_printf(arena, "%s/%s-%016llx", directory, e->options.name, (unsigned long long)key);
    *out = (Native){.library = arena_printf(arena, "%s.so", stem)};
    if (!is_whole(arena, out->library)) {
        const double before = seconds();
        problem = build(arena, e, flags, stem, &header, &source);
        out->build_seconds = seconds() - before;
    }
    return problem ? problem : load(arena, e, out);
}

void native_close(Native *native)
{
    if (native->handle) dlclose(native->handle);
    native->handle = NULL;
}

void native_forget(Native *native)
{
    native_close(native);
    unlink(native->library);
}

/* ---- the size of the code ---- */

/* ELF of 64 bits, little-endian (System V ABI, "Object Files"): the section header table is at
 * e_shoff = 40, its entries' size and number at 58 and 60; a section's flags are at 8, its size at
 * 32. */
int64_t native_code_bytes(Arena *arena, const Native *native)
{
    enum { HEADER = 64, SECTION = 64, EXECUTABLE = 4 };
    char *data;
    size_t length;
    int64_t sum = 0;
    if (file_read(arena, native->library, &data, &length) || length < HEADER) return 0;
    if (memcmp(data, "\177ELF\2\1", 6) != 0) return 0;
    const uint64_t table = little_endian(data + 40, 8), size = little_endian(data + 58, 2);
    const uint64_t count = little_endian(data + 60, 2);
    if (size < SECTION || table > length || count > (length - table) / size) return 0;
    for (uint64_t i = 0; i < count; i++) {
        const char *section = data + table + i * size;
        if (little_endian(section + 8, 8) & EXECUTABLE)
            sum += (int64_t)little_endian(section + 32, 8);
    }
    return sum;
}
