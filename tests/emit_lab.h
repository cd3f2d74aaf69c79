/* Programs of tests/emit as generated files on disk, and C compilers to build them with. */
#ifndef NNC_TESTS_EMIT_LAB_H
#define NNC_TESTS_EMIT_LAB_H
#include <unistd.h>

#include "driver/compile.h"
#include "emit/weights.h"
#include "generated_check.h"
#include "lower/optimizer.h"
#include "target/target.h"

/* A directory of its own, emptied and removed at the end. */
typedef struct Folder {
    Arena *arena;
    const char *path;
} Folder;

static inline Folder folder_new(void)
{
    Arena *arena = arena_new();
    char *path = arena_strdup(arena, "/tmp/nnc-emit-XXXXXX");
    assert_non_null(mkdtemp(path));
    return (Folder){arena, path};
}

static inline const char *folder_file(const Folder *p, const char *name)
{
    return arena_printf(p->arena, "%s/%s", p->path, name);
}

static inline bool runs(Arena *arena, const char *command)
{
    return !run_command(arena, (const char *const[]){"sh", "-c", command, NULL});
}

static inline void must_run(Arena *arena, const char *command)
{
    if (!runs(arena, command)) fail_msg("this failed: %s", command);
}

static inline void folder_end(Folder *p)
{
    must_run(p->arena, arena_printf(p->arena, "rm -r '%s'", p->path));
    arena_free(p->arena);
}

static inline void folder_write(const Folder *p, const char *name, const Text *text)
{
    const char *problem = file_write(p->arena, folder_file(p, name), text->at, text->length);
    if (problem) fail_msg("%s", problem);
}

/* "avx2,scalar": those that nnc has, most portable last. */
static inline void choose_targets(CompileOptions *options, const char *list)
{
    char *copy = strdup(list), *rest = copy;
    for (char *word = strtok_r(rest, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
        const Target *target = target_find(word);
        if (!target) fail_msg("no target %s", word);
        options->targets[options->target_count++] = target;
    }
    free(copy);
}

static inline Compilation lab_compile(Arena *arena, const char *program,
                                      const CompileOptions *options)
{
    const char *path = strchr(program, '/') ? program
                                            : arena_printf(arena, "tests/emit/%s.nn", program);
    Compilation c = compile_start(arena, path, options);
    if (!compile_or_tell(&c, STAGE_LOWERED)) fail_msg("%s does not compile", path);
    return c;
}

/* Writes NAME.h and NAME.c; returns NAME. */
static inline const char *lab_generate(const Folder *p, const char *program,
                                       const char *target_list, CompileOptions options)
{
    choose_targets(&options, target_list);
    options.emit.command = "test";
    Compilation c = lab_compile(p->arena, program, &options);
    const Emission *e = compile_emission(&c);
    Text header = text_new(p->arena), source = text_new(p->arena);
    emit_header(&header, e);
    emit_source(&source, e);
    folder_write(p, arena_printf(p->arena, "%s.h", e->options.name), &header);
    folder_write(p, arena_printf(p->arena, "%s.c", e->options.name), &source);
    return e->options.name;
}

/* A C (or C++) program in the directory: built with the generated files, and run. */
static inline void lab_run_program(const Folder *p, const char *compiler, const char *sources,
                                   const char *text)
{
    Text body = text_new(p->arena);
    text_add(&body, text);
    folder_write(p, "main.c", &body);
    must_run(p->arena, arena_printf(p->arena, "cd '%s' && %s main.c %s -o main && ./main", p->path,
                                    compiler, sources));
}

static inline bool lab_has(Arena *arena, const char *compiler)
{
    return runs(arena, arena_printf(arena, "command -v %s >/dev/null 2>&1", compiler));
}

/* The targets of this processor, widest first, "scalar" last. */
static inline const char *lab_native_targets(void)
{
    const int width = target_find("native")->width;
    return width >= 16 ? "avx512,avx2,scalar" : width >= 8 ? "avx2,scalar" : "scalar";
}
#endif
