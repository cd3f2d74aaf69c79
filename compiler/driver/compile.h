/* One compilation, from a .nn file to the point that a command needs. */
#ifndef NNC_DRIVER_COMPILE_H
#define NNC_DRIVER_COMPILE_H
#include "ast/ast.h"
#include "elaborate/elaborate.h"
#include "emit/emit.h"
#include "passes/pass.h"

enum { MAX_TARGETS = 8 };

typedef struct CompileOptions {
    ElaborateOptions elaborate;
    const char *const *entries;      /* only these; count 0: all */
    int entry_count;
    const Target *targets[MAX_TARGETS];  /* most portable last */
    int target_count;
    EmitOptions emit;
    const char *dump_after;          /* a pass */
    Text *dump;
} CompileOptions;

typedef struct Compilation {
    Arena *arena;
    Diags *diags;
    Source *source;
    AstFile *ast;
    Module *module;
    Plan *plan;
    Lowered *lowered[MAX_TARGETS];
    int target_count;
} Compilation;

/* Each runs what comes before it too. False after errors, which are in c->diags. */
bool compile_parse(Compilation *c, Arena *arena, const char *path);
bool compile_elaborate(Compilation *c, Arena *arena, const char *path, const CompileOptions *options);
bool compile_passes(Compilation *c, Arena *arena, const char *path, const CompileOptions *options);
bool compile_plan(Compilation *c, Arena *arena, const char *path, const CompileOptions *options);
bool compile_lower(Compilation *c, Arena *arena, const char *path, const CompileOptions *options);

Emission compile_emission(const Compilation *c, const CompileOptions *options);
#endif
