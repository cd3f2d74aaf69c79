/* What the parts of the elaborator share. Private to elaborate/. */
#ifndef NNC_ELABORATE_CONTEXT_H
#define NNC_ELABORATE_CONTEXT_H
#include "elaborate/elaborate.h"
#include "base/map.h"
#include "elaborate/value.h"

enum {
    BLOCK_DEPTH_LIMIT = 256,         /* blocks that call blocks */
    /* expressions and statements inside each other, over all blocks */
    EVAL_DEPTH_LIMIT = 3000,
    STEP_LIMIT = 1000000,            /* expressions evaluated in an entry */
    LOOP_LIMIT = 65536,              /* iterations of one loop */
    NODE_LIMIT = 400000,             /* of one entry */
    LIST_LIMIT = 4096,               /* items of a list */
    NAME_LIMIT = 1024                /* bytes of a string or path */
};

/* Of one tensor. No index, extent or border may be larger, so that sums and products of two do not
 * overflow 64 bits. */
#define ELEMENT_LIMIT INT64_C(0x7fffffff)

/* ---- files ---- */

/* A file with what it defines and imports. The standard library is one unit of several files. */
typedef struct Unit {
    const char *path;
    bool library;
    bool loading;                    /* its imports are being read: met again, they form a cycle */
    Span imported;                   /* where it was first asked for */
    Map blocks;                      /* of Block */
    Map constants;                   /* of Constant */
    Map models;                      /* of Item */
} Unit;

typedef struct Block {
    Unit *unit;
    const Item *item;
    /* whether an instance of it owns any */
    enum { PARAMS_UNKNOWN, PARAMS_NONE, PARAMS_SOME } params;
} Block;

typedef struct Constant {
    Unit *unit;
    Name name;
    const Expr *expr;
    const Value *value;              /* once evaluated */
    bool evaluating;
} Constant;

/* ---- names ---- */

/* A parameter, state or session buffer in the entry at hand. */
typedef struct Leaf {
    const char *path;
    StmtKind kind;
    int index;                       /* in the module's list */
    const Value *current;            /* a state changes as the program goes on */
    Span span;
    int run;                         /* of the block that declared it last */
    bool written;
} Leaf;

/* `layer f = dense(128);`: a block with some of its arguments, and one set of parameters. */
typedef struct Layer {
    const Block *block;
    const char *path;
    Span span;
    const struct Given *given;
    int given_count;
    int runs;
} Layer;

typedef struct Binding {
    const Value *value;              /* one of the three */
    Leaf *leaf;
    Layer *layer;
    Span span;
    Span given;                      /* of a formal: the argument in the caller's text */
} Binding;

typedef struct Scope {
    struct Scope *parent;            /* NULL: the block's outermost */
    Map names;                       /* of Binding */
    bool scan;                       /* the body of a scan: bindings around it cannot be changed */
} Scope;

/* An instance path in the entry at hand. */
typedef struct Instance { const char *path; Span span; int claimed_by; bool poisoned; } Instance;

/* The run of one block, of the model, or of a constant's expression. */
typedef struct Frame {
    struct Frame *caller;
    const Unit *unit;
    const char *name;                /* of the block; NULL: a constant or setting */
    bool is_model;
    Span call;                       /* in the caller */
    const char *path;                /* of the instance: "h.0.attn"; "" in the model */
    Scope *scope;
    Map ended;                       /* of Binding: names of scopes that were left */
    int run;                         /* number of this run */
    bool again;                      /* an instance runs for the second time: its names exist */
    int loops;                       /* for statements around */
    int scans;                       /* scans around */
    Map unnamed;                     /* of int *: calls of a block without a name, so far */
    const Value *result;             /* of `return` */
    struct ScanRun *scan;            /* the innermost scan being elaborated */
} Frame;

/* An argument as given to a call. */
typedef struct Given { Name name; const Value *value; Span span; } Given;
typedef VEC(Given) GivenList;

/* ---- the elaborator ---- */

typedef struct EntryMode {
    const char *name;
    int64_t batch;
    bool training;
    bool outputs, loss;              /* what of these becomes an output of the graph */
    bool sessions;                   /* buffers of the caller; else each starts from zeros */
} EntryMode;

typedef struct Elab {
    Arena *arena;
    Diags *diags;
    const ElaborateOptions *options;
    Module *module;
    Map units;                       /* of Unit, by path */
    Unit *library;
    Unit *main;
    /* of Leaf: every parameter, state and session of the module, by path */
    Map leaf_index;
    Region *apart;                   /* for constants and settings: nothing of it is kept */
    int apart_depth;                 /* constants and settings being evaluated */
    /* of the entry being elaborated */
    const EntryMode *mode;           /* NULL: none */
    Region *root, *region;           /* region is never NULL */
    Map leaves;                      /* of Leaf */
    Map instances;                   /* of Instance */
    VEC(Output) outputs;
    int decls;                       /* inputs and targets met so far */
    int randoms;                     /* random draws met so far */
    bool has_loss;                   /* met so far */
    int runs;
    Frame *frame;
    int block_depth, eval_depth, steps;
    bool gave_up;                    /* a limit was reached: unwind */
} Elab;

/* report.c: an error at a place that the reader of the program can see. Inside the library that is
 * the call in the user's code, with a note. Returns the poisoned value. */
const Value *fault(Elab *el, Span at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same after which elaboration gives up. */
const Value *fault_limit(Elab *el, Span at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* where a tensor's shape came from */
void note_shape(Elab *el, Span at, const Value *value);
Span user_span(const Elab *el, Span at);                         /* what `fault` would blame */
typedef VEC(const char *) WordList;
void words_of_map(Elab *el, WordList *words, const Map *map);
bool help_nearest(Elab *el, const char *word, const WordList *words);   /* "did you mean `x`?" */
/* The same for words of other libraries: `synonyms` of the standard library holds pairs [theirs,
 * ours]. */
bool help_known(Elab *el, const char *word, const WordList *words);
const char *plural(int64_t count);                               /* "" or "s" */

/* unit.c */
Unit *unit_library(Elab *el);
Unit *unit_main(Elab *el, AstFile *file);
const Value *unit_constant(Elab *el, Constant *constant);
/* An expression of a file outside its models and blocks: a constant or a setting. `what` names it
 * in messages. */
const Value *eval_apart(Elab *el, const Unit *unit, Span at, const char *what, const Expr *expr);
void unit_override(Elab *el, const char *name, const char *text);      /* --set name=text */
AstFile *unit_parse_text(Elab *el, const char *path, const char *text);

/* scope.c */
void scope_push(Elab *el);
void scope_pop(Elab *el);
Binding *scope_find(const Elab *el, const char *name);
bool is_given(const char *name);                          /* `batch`, `training`, `stochastic` */
/* NULL after an error: it exists here already */
Binding *scope_declare(Elab *el, Name name);
void scope_assign(Elab *el, Name name, const Value *value);
const Value *scope_read(Elab *el, const Binding *binding);
const Value *scope_lookup(Elab *el, Name name);                  /* reports unknown names */
Constant *find_constant(const Elab *el, const Unit *unit, const char *name);
Block *find_block(const Elab *el, const Unit *unit, const char *name);
WordList callable_words(Elab *el);

/* instance.c */
const char *path_join(Elab *el, const char *base, const char *part);
const char *path_text(Elab *el, const Path *path);               /* NULL after an error */
bool block_has_params(Elab *el, const Block *block);
/* Claims path for a call in the frame at hand; false after an error. */
bool instance_claim(Elab *el, const char *path, Span span, bool again);
void instance_poison(Elab *el, const char *path);
const Value *leaf_declare(Elab *el, const Stmt *stmt);
/* `wte.weight`: NULL if expr names nothing below an instance; reports near misses. */
const Value *leaf_reach(Elab *el, const Expr *expr);

/* expr.c */
const Value *eval(Elab *el, const Expr *expr);
/* counts a level and a step; false: over a limit */
bool enter(Elab *el, Span at);
void leave(Elab *el);
bool eval_condition(Elab *el, const Expr *expr, bool *condition);
bool eval_int(Elab *el, const Expr *expr, const char *what, int64_t *out);
bool want_int(Elab *el, Span at, const char *what, const Value *value, int64_t *out);
const char *eval_string(Elab *el, const Expr *expr);             /* NULL after an error */

/* operators.c */
const Value *eval_unary(Elab *el, const Expr *expr);
const Value *eval_binary(Elab *el, const Expr *expr);

/* index.c */
const Value *eval_index(Elab *el, const Expr *expr);
const Value *eval_member(Elab *el, const Expr *expr);

/* tensor.c */
/* of the nodes that verbs will append */
void set_origin(Elab *el, Span at);
/* The value's node in the graph at hand. Requires VALUE_TENSOR. */
Node *tensor_node(Elab *el, const Value *value);
/* node == NULL: the poisoned value (an error was reported). */
const Value *tensor_value(Elab *el, Span at, Node *node);
/* The extent of an axis as a number. That of the batch axis is one of rows, so that a shape made of
 * it follows the batch. */
const Value *extent_value(Elab *el, Type type, int axis);
/* sum / weight, for a scalar sum: a mean over rows that adds up over batches if weight depends on
 * batch. */
const Value *tensor_mean(Elab *el, Span at, Node *sum, Number weight);
/* Names the tensor's node unless it is named or older than node `since` of the graph at hand. */
void name_tensor(Elab *el, const Value *value, int since, const char *name);
/* A scalar: a number, or true and false as bool; of a number of rows the formula. */
Node *number_node(Elab *el, Number number, DType dtype);
/* Appends an operation, reporting its refusal at `at`. */
Node *append_op(Elab *el, Span at, Op op, Node *const *inputs, int count, const Attr *attrs);
/* An elementwise operation on tensors and numbers; `sign` names it in messages. */
const Value *apply_map(Elab *el, Span at, Op op, const char *sign, const Value *const *args,
                       int count);
const Value *apply_matmul(Elab *el, Span at, const Value *a, const Value *b);
bool size_allowed(Elab *el, Span at, Type type);
/* Drops the nodes that no output needs; inputs stay. */
void prune_graph(Elab *el, Graph *graph);
/* A shape in a program: extents, of which one may be a multiple of batch. False after an error. */
bool want_shape(Elab *el, Span at, const Value *value, DType dtype, Type *out);

/* call.c */
const Value *eval_call(Elab *el, const Expr *expr, const Value *piped, Span piped_span);
bool refuse_method(Elab *el, const Expr *expr);          /* true: the call is `x.f()`; reported */
const Value *eval_pipe(Elab *el, const Expr *expr);
void declare_layer(Elab *el, const Stmt *stmt);
/* Puts given arguments in the places of formals; places without one stay NULL.
 * False after errors. */
bool bind_arguments(Elab *el, Span at, const char *callee, const Name *formals, int formal_count,
                    const Given *given, int given_count, const Given **bound);
bool all_sound(const Given *given, int count); /* none is poisoned */

/* stmt.c */
void run_body(Elab *el, const Body *body);                       /* in a scope of its own */
void run_stmts(Elab *el, const Body *body);                      /* in the scope at hand */
bool stopped(const Elab *el);                                    /* returned or gave up */

/* scan.c */
const Value *run_scan(Elab *el, const Expr *expr);
/* Where the scan around a body notes what an input of the body stands for (a sequence or a
 * capture); NULL if it is none of these. */
Node **scan_given(Region *body, const Node *input);
void run_carry(Elab *el, const Stmt *stmt);
void run_yield(Elab *el, const Stmt *stmt);

/* bounds.c */
/* Whether every value of an i32 index is known to lie in [0, limit). */
bool index_is_below(const Node *index, int64_t limit);

/* settings.c: the train and infer blocks, with what --set changes in them */
typedef struct Settings { const Item *train, *infer; } Settings;
/* item may be NULL; NULL: not said */
const Stmt *settings_find(const Item *item, const char *key);
void settings_collect(Elab *el, const AstFile *file, const Item *model, Settings *out);
void settings_override(Elab *el, Settings *settings, const char *model);
typedef VEC(int64_t) BatchList;
/* What the block asks for, or `otherwise` where it asks for nothing or in vain. */
void settings_batches(Elab *el, const Item *item, int64_t otherwise, BatchList *out);

/* entry.c */
/* NULL after errors. */
Graph *elaborate_entry(Elab *el, const Item *model, const EntryMode *mode);
void declare_tensor(Elab *el, const Stmt *stmt);
void declare_output(Elab *el, const Stmt *stmt);
void declare_loss(Elab *el, const Stmt *stmt);
void declare_metric(Elab *el, const Stmt *stmt);
#endif
