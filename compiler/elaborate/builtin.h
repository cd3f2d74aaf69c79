/* What the language offers without a block: operations of the table and compile-time functions.
 * Private to elaborate/. */
#ifndef NNC_ELABORATE_BUILTIN_H
#define NNC_ELABORATE_BUILTIN_H
#include "elaborate/context.h"

enum { MOST_FORMALS = 6 };

/* A call with its arguments in place; at[i] is NULL where an optional one is missing. */
typedef struct BuiltinCall {
    Elab *el;
    const char *name;
    Span span;
    const Given *at[MOST_FORMALS];
} BuiltinCall;

typedef struct Builtin {
    const char *name;
    const char *formals[MOST_FORMALS + 1];       /* ends with NULL; "name?" may be missing */
    const Value *(*run)(BuiltinCall *call);
    const char *doc;                 /* one line for docs/operations.md */
} Builtin;

/* One table a file; each ends with a NULL name. */
extern const Builtin builtin_reductions[], builtin_shapes[], builtin_makers[], builtin_helpers[],
                     builtin_windows[];

bool builtin_find(const char *name);
void builtin_words(Elab *el, WordList *words);
/* Requires builtin_find(name) and no poisoned argument. */
const Value *builtin_call(Elab *el, const char *name, Span at, const Given *given, int given_count);

/* Arguments as what they should be. All report what does not fit, and give `otherwise` for a
 * missing one. */
bool want_tensor(BuiltinCall *call, int i, Node **out);
bool want_bool(BuiltinCall *call, int i, bool otherwise, bool *out);
bool want_integer(BuiltinCall *call, int i, int64_t otherwise, int64_t *out);
bool want_number(BuiltinCall *call, int i, Number otherwise, Number *out);
/* An axis of a tensor of that rank, counted from the end if negative. */
bool want_axis(BuiltinCall *call, int i, int rank, int64_t otherwise, int64_t *out);
/* One axis, a list of axes, or all where missing or none; ascending. */
bool want_axes(BuiltinCall *call, int i, int rank, int64_t *axes, int *count);
bool want_integers(BuiltinCall *call, int i, int64_t *out, int limit, int *count);
#endif
