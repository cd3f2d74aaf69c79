/* One compilation, from a .nn file to the stage that a command needs. */
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
    bool strict;                     /* Module.strict */
    bool prepare;                    /* also infer from a prepared form */
    int64_t max_workspace;           /* bytes of any entry's; 0: any */
    double share;                    /* Module.share */
    const Target *targets[MAX_TARGETS];  /* most portable last */
    int target_count;
    EmitOptions emit;
    const char *last_pass;           /* NULL: all */
    const char *dump_after;          /* a pass */
    Text *dump;
} CompileOptions;

typedef enum Stage {
    STAGE_START,
    STAGE_PARSED,                    /* ast */
    STAGE_ELABORATED,                /* module, one graph an entry */
    STAGE_TRANSFORMED,               /* the same after the passes */
    STAGE_PLANNED,                   /* plan */
    STAGE_LOWERED                    /* lowered */
} Stage;

typedef struct Compilation {
    Arena *arena;
    const char *path;
    const CompileOptions *options;
    Diags *diags;
    Stage stage;
    Source *source;
    AstFile *ast;
    Module *module;
    Plan *plan;
    Lowered *lowered[MAX_TARGETS];
    int target_count;
    Emission *emission;              /* made when it is first asked for */
} Compilation;

/* The options must stay; NULL: none (enough to parse). A file NAME.graph is a module in text form,
 * as --emit=graph prints it, and stands in for a program. */
Compilation compile_start(Arena *arena, const char *path, const CompileOptions *options);

/* Goes on to the stage. False after errors, which are in c->diags. */
bool compile_to(Compilation *c, Stage stage);

/* The same, and prints the diagnostics, warnings too, on stderr. */
bool compile_or_tell(Compilation *c, Stage stage);

/* Requires STAGE_LOWERED. */
const Emission *compile_emission(Compilation *c);
#endif
