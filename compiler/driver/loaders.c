/* Building and loading the C files of custom loaders. */
#include "driver/loaders.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/embedded.h"
#include "driver/native.h"
#include "emit/loader.h"

static const char *const headers[] = {"nn_model.h", "nn_error.h", "nn_data.h", "nn_fitted.h",
                                      "nn_step.h", NULL};

/* A directory for this build alone: two runs may do the same at the same time. */
static const char *make_directory(Arena *arena, const char **path)
{
    const char *cache, *problem = cache_directory(arena, &cache);
    if (problem) return problem;
    *path = arena_printf(arena, "%s/loader.%ld", cache, (long)getpid());
    if (mkdir(*path, 0700) == 0 || errno == EEXIST) return NULL;
    return arena_printf(arena, "cannot make %s: %s", *path, strerror(errno));
}

static const char *write_headers(Arena *arena, const char *directory)
{
    for (int i = 0; headers[i]; i++) {
        const EmbeddedFile *file = embedded_find(headers[i]);
        const char *path = arena_printf(arena, "%s/%s", directory, headers[i]);
        const char *problem = file_write(arena, path, file->data, file->length);
        if (problem) return problem;
    }
    return NULL;
}

static void remove_directory(Arena *arena, const char *directory)
{
    for (int i = 0; headers[i]; i++)
        unlink(arena_printf(arena, "%s/%s", directory, headers[i]));
    rmdir(directory);
}

static const char *find_function(Arena *arena, void *handle, const char *stem, const char *what,
                                 const char *file, void *function)
{
    const char *name = arena_printf(arena, "%s_%s", stem, what);
    void *symbol = dlsym(handle, name);
    if (!symbol) return arena_printf(arena, "%s does not define %s (see nn_step.h)", file, name);
    memcpy(function, &symbol, sizeof symbol);
    return NULL;
}

/* name: as the program says it. */
static const char *load(Arena *arena, const char *library, const char *name, Loaders *out)
{
    const char *stem = emit_loader_stem(arena, name);
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (!handle) return arena_printf(arena, "cannot load %s: %s", name, dlerror());
    nn_custom *custom = &out->customs[out->count];
    out->handles[out->count++] = handle;
    custom->name = name;
    const char *problem = find_function(arena, handle, stem, "open", name, &custom->open);
    if (!problem) problem = find_function(arena, handle, stem, "read", name, &custom->read);
    if (!problem) problem = find_function(arena, handle, stem, "close", name, &custom->close);
    return problem;
}

static const char *open_one(Arena *arena, const char *name, const char *directory, Loaders *out)
{
    const char *scratch, *problem = make_directory(arena, &scratch);
    if (problem) return problem;
    const char *source = name[0] == '/' ? name : arena_printf(arena, "%s/%s", directory, name);
    const char *library = arena_printf(arena, "%s/loader.so", scratch);
    problem = write_headers(arena, scratch);
    if (!problem && access(source, R_OK) != 0)
        problem = arena_printf(arena, "cannot open %s: %s", source, strerror(errno));
    if (!problem)
        problem = build_library(arena, "-O2", scratch, library, source);
    if (!problem) problem = load(arena, library, name, out);
    unlink(library);
    remove_directory(arena, scratch);
    return problem;
}

const char *loaders_open(Arena *arena, const nn_job *job, const char *directory, Loaders *out)
{
    const char *names[] = {emit_loader_file(job->data, job->data_count),
                           emit_loader_file(job->validate, job->validate_count)};
    const char *problem = NULL;
    *out = (Loaders){0};
    if (names[0] && names[1] && !strcmp(names[0], names[1])) names[1] = NULL;
    for (int i = 0; i < 2 && !problem; i++)
        if (names[i]) problem = open_one(arena, names[i], directory, out);
    return problem;
}

void loaders_close(Loaders *loaders)
{
    for (int i = 0; i < loaders->count; i++) dlclose(loaders->handles[i]);
    loaders->count = 0;
}
