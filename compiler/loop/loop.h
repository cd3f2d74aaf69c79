/* Loops: the last representation before C. A function is a list of statements over named scalars,
 * vectors and buffers. Vectors have the target's width; nothing here knows how a target spells them
 * (target/target.h) or how C looks (loop/print.c). Lowering builds loops with the verbs below,
 * which read like the kernel. */
#ifndef NNC_LOOP_LOOP_H
#define NNC_LOOP_LOOP_H
#include "ir/graph.h"

typedef struct Target Target;

typedef enum LType {
    LT_INDEX,
    LT_F32,
    LT_I32,
    LT_U8,
    LT_BOOL,
    LT_SEED
} LType; /* LT_U8 only as an element of buffers: loads widen it to i32 */

/* Memory a function addresses: a formal parameter (pointer), or a local array. */
typedef struct Buffer {
    const char *name;
    const char *wanted;     /* a local array: what it is called if that is free */
    const char *value_name; /* what a value of it is called; NULL: as the buffer is */
    LType type;
    bool constant;        /* const-qualified formal ... */
    bool asked;           /* ... of what is asked for, not read */
    int64_t local_floats; /* > 0: a local array of that many elements, 64-byte aligned */
    int64_t each; /* > 0: scratch, so many elements for each part that runs at the same time */
    int reads;    /* loop_tidy's count */
} Buffer;

typedef struct Var {
    const char *name;
    const char *wanted; /* what it is called if that is free; NULL: as it is */
    LType type;
    bool vector, assigned;
    bool passing; /* the argument of a formula: no name that says anything */
    bool known;   /* the number `value`, which a stage takes as an argument ... */
    bool outer; /* ... and so does the stage around it */
    int64_t value;
    const struct Var *given; /* the number of the stage around that it is, or NULL */
    int reads;               /* loop_tidy's count */
} Var;

typedef struct LoopExpr LoopExpr;
typedef enum LoopExprKind {
    E_INT,   /* index or i32 constant: number */
    E_FLOAT, /* f32 constant: number; vector: in every lane */
    E_VAR,
    E_LOAD,      /* buffer[index]; vector: lanes index.. index+active-1, the others 0 */
    E_MAP,       /* an elementwise operation of ops/maps.def that the target's vocabulary has */
    E_CALL,      /* a math function of loop/math.c: op names it */
    E_FMA,       /* a * b + c */
    E_SPLAT,     /* scalar in every lane */
    E_LANES,     /* i32 vector 0, 1, 2, ... */
    E_ADD_LANES, /* sum of the lanes, in a fixed order */
    E_MAX_LANES,
    E_LDEXP,    /* a * 2^b, b an integral f32 in [-126 - 24, 127], or any if the target floors it */
    E_EXPONENT, /* floor(log2(a)) as f32, a > 0 normal */
    E_MANTISSA, /* a / 2^exponent, in [1, 2) */
    E_ROUND,    /* nearest integer, ties to even, as f32 */
    E_FRACTION, /* 2^(a / n - floor(a / n)) of an integral f32 a, n the target's `fractions` */
    E_RECIPROCAL, /* 1 / a within two ulp, for |a| a normal number */
    E_INDEX_ADD,
    E_INDEX_MUL,
    E_INDEX_DIV,
    E_INDEX_MOD,
    E_INDEX_MIN,
    E_INDEX_MAX, /* on LT_INDEX scalars, folded when built */
    E_RANDOM,    /* uniform in [0, 1), a function of a seed, an i32 and an index */
    E_TO_I32,    /* index -> i32 scalar */
    E_TO_INDEX   /* i32 scalar -> index */
} LoopExprKind;

struct LoopExpr {
    LoopExprKind kind;
    LType type;
    bool vector;
    Op op;
    double number;
    Var *var;
    Buffer *buffer;
    int active; /* E_LOAD vector: number of lanes read, 1..width */
    int arg_count;
    LoopExpr *args[3]; /* E_LOAD: args[0] is the index */
};

typedef struct LoopStmt LoopStmt;
typedef VEC(LoopStmt *) LoopStmts;
typedef enum LoopStmtKind {
    S_FOR,
    S_LET,
    S_SET,
    S_STORE,
    S_IF,
    S_TRANSPOSE,
    S_CALL,
    S_PREFETCH, /* asks for buffer[index]; nothing but time depends on it */
    S_COMMENT,
    S_RETURN,
    S_BLOCK
} LoopStmtKind;

/* What a call hands to a formal buffer of the function called: a pointer to an element, and how far
 * that function reaches from it. */
typedef struct Handed {
    Buffer *buffer;
    LoopExpr *index;
    int64_t rows, columns, ld; /* rows `ld` elements apart; 0: nothing is read or written */
} Handed;

/* What a stage calls a buffer. */
typedef struct Role {
    const Buffer *buffer;
    const char *name;
} Role;

struct LoopStmt {
    LoopStmtKind kind;
    Var *var;          /* S_FOR, S_LET (declares), S_SET */
    LoopExpr *lo, *hi; /* S_FOR: var from lo while var < hi */
    int64_t step;
    int unroll;      /* S_FOR: repetitions that the C compiler should unroll; 0: as it likes */
    LoopExpr *value; /* S_LET, S_SET, S_STORE, S_IF (scalar condition), S_RETURN (index or NULL) */
    Buffer *buffer,
        *source; /* S_STORE; S_TRANSPOSE: buffer[c * ld + r] = source[r * source_ld + c] */
    LoopExpr *index, *source_index;
    int64_t ld, source_ld;
    int active, rows, cols; /* S_STORE vector: lanes written; S_TRANSPOSE: block of rows x cols of
                               the source, <= width each */
    const char *text;       /* S_COMMENT; S_BLOCK: the name of a stage, or NULL */
    bool inlined;           /* S_BLOCK: a stage for the sake of its text */
    VEC(Role) roles;        /* S_BLOCK: others are called in or out */
    struct Function *callee;   /* S_CALL: one of the program's `inner` functions ... */
    VEC(Handed) passed;        /* ... in the order of its buffers; those not constant it writes */
    VEC(LoopExpr *) arguments; /* in the order of its scalars */
    LoopStmts body, otherwise;
};

/* A piece of a function that runs by itself: its loops, with those of its formals that it needs. */
typedef struct FunctionPart {
    struct Function *function; /* behind its own formals: where its share begins and ends */
    LoopExpr *trips;           /* of the loop that is shared out, from formals; NULL: nothing is */
} FunctionPart;

typedef struct Function {
    const char *name; /* "fc1_relu", without the model's prefix and the target's suffix */
    int callers;      /* kernels that run it ... */
    const char
        *kernel_name; /* ... what the first is called, and, where others are called otherwise, */
    const char *shared_name; /* a name by operation and shape; else NULL */
    const char *operation;   /* that name without the shape; NULL: of no kernel */
    const char
        *comment; /* the banner: formula, shapes, tile, source line; may have several lines */
    VEC(Buffer *) buffers; /* formals, in order */
    VEC(Var *) scalars;    /* formals after the buffers (count, seed) */
    bool returns_status;   /* int; else void */
    bool is_inline;        /* math functions: static inline, value parameter and result in
                              `scalars`/`result` */
    bool is_step;          /* a piece of a kernel, inlined where it is called */
    LType result;
    bool result_vector;
    VEC(Buffer *) locals;
    LoopStmts body;
    VEC(FunctionPart) parts; /* the same work, one after another, made by loop_divide; else none */
    Buffer *kept;            /* of parts, what later ones read; NULL: nothing */
    Arena *arena;
    const char *plain; /* the loops without names, made by function_same once */
    size_t plain_length;
    const char *shape; /* the same without numbers, made by function_shape once */
    const char *recipe; /* all that its maker was told, so that it is not made twice; or NULL */
} Function;

/* All functions of one target in emission order, math functions first. */
typedef struct Program {
    Arena *arena;
    const Target *target;
    VEC(Function *) math; /* used math functions, each once, callee first */
    VEC(Function *) inner; /* that several functions call (S_CALL) */
    VEC(Function *) functions;
    bool shares_tiles; /* products with long sums call tiles that they share (lower/product.c) */
    bool many_rows; /* kernels: what they have in common matters more than each by itself */
    bool uses_transpose;
    int threads; /* that a part is shared out among; 0: functions have no parts */
} Program;

/* `name` with a number behind it: sum2, fc1_2. */
const char *name_numbered(Arena *arena, const char *name, int number);
/* `wanted`, with the first number behind it that nothing in the function has if that is taken. */
const char *function_free_name(const Function *f, const char *wanted);
bool program_has_function(const Program *program, const char *name);

/* ---- building (loop/build.c, loop/expr.c) ---- */
typedef struct LoopBuilder {
    Arena *arena;
    Program *program;
    Function *function;
    LoopStmts *list;         /* where statements go */
    VEC(LoopStmts *) stack;  /* enclosing lists ... */
    VEC(int) marks;          /* ... and how many names were taken when each was left */
    VEC(const char *) names; /* taken in the scopes that are open */
} LoopBuilder;

Program *program_new(Arena *arena, const Target *target);
LoopBuilder loop_function(Program *program, const char *name,
                          const char *comment); /* added to program->functions at once */
LoopBuilder loop_inner_function(Program *program, const char *name, const char *comment);
Buffer *loop_buffer(LoopBuilder *b, const char *name, LType type, bool constant); /* a formal */
Buffer *loop_local(LoopBuilder *b, const char *name, int64_t floats);
Var *loop_scalar(LoopBuilder *b, const char *name, LType type); /* a formal */

bool x_is_name(const LoopExpr *x); /* or a number */
bool x_is_leaf(const LoopExpr *x); /* that, an element, or either in all lanes */
/* One operation on leaves: it reads well inside another; more do not. */
bool x_is_short(const LoopExpr *x);
bool x_is_brief(const LoopExpr *x); /* a leaf, or one operation on names */

LoopExpr *x_int(LoopBuilder *b, int64_t value); /* index constant */
LoopExpr *x_i32(LoopBuilder *b, int64_t value, bool vector);
LoopExpr *x_float(LoopBuilder *b, double value, bool vector);
LoopExpr *x_var(LoopBuilder *b, Var *var);
LoopExpr *x_add(LoopBuilder *b, LoopExpr *a, LoopExpr *c); /* index arithmetic, constants folded */
LoopExpr *x_mul(LoopBuilder *b, LoopExpr *a, int64_t factor);
LoopExpr *x_times(LoopBuilder *b, LoopExpr *a, LoopExpr *c); /* for factors that are arguments */
/* A number that stages of other shapes have otherwise: an argument of the stage it is used in, and
 * (outer) of the stage around that. */
LoopExpr *x_known(LoopBuilder *b, const char *name, int64_t value, bool outer);
/* The same for what is such a number of the stage around. */
LoopExpr *x_given(LoopBuilder *b, const char *name, const Var *number);
LoopExpr *x_div(LoopBuilder *b, LoopExpr *a, int64_t divisor);
LoopExpr *x_mod(LoopBuilder *b, LoopExpr *a, int64_t divisor);
LoopExpr *x_min(LoopBuilder *b, LoopExpr *a, LoopExpr *c);
LoopExpr *x_max(LoopBuilder *b, LoopExpr *a, LoopExpr *c);
LoopExpr *x_to_i32(LoopBuilder *b, LoopExpr *index);
LoopExpr *x_to_index(LoopBuilder *b, LoopExpr *i32);
LoopExpr *x_load(LoopBuilder *b, Buffer *buffer, LoopExpr *index); /* scalar; u8 widens to i32 */
LoopExpr *x_vload(LoopBuilder *b, Buffer *buffer, LoopExpr *index, int active); /* vector */
LoopExpr *x_splat(LoopBuilder *b, LoopExpr *scalar); /* identity at width 1 and on vectors */
LoopExpr *x_lanes(LoopBuilder *b);
/* An elementwise operation: from the vocabulary, by its value formula, or by a math function,
 * whichever exists; mixed scalar and vector arguments are splat. Folds constants and trivial cases
 * (x + 0, x * 1). */
LoopExpr *x_map(LoopBuilder *b, Op op, int count, LoopExpr *const *args);
LoopExpr *x_fma(LoopBuilder *b, LoopExpr *a, LoopExpr *c, LoopExpr *addend);
LoopExpr *x_unary(LoopBuilder *b, LoopExprKind kind,
                  LoopExpr *a); /* lanes reductions, exponent, mantissa, round, fraction */
/* a / c where the last bit or two do not matter and waiting for the divider would: by the target's
 * reciprocal if it has one. c is normal. */
LoopExpr *x_quotient(LoopBuilder *b, LoopExpr *a, LoopExpr *c);
LoopExpr *x_random(LoopBuilder *b, Var *seed, LoopExpr *place, LoopExpr *element);
LoopExpr *x_ldexp(LoopBuilder *b, LoopExpr *a, LoopExpr *exponent);

Var *loop_begin(LoopBuilder *b, const char *name, LoopExpr *lo, LoopExpr *hi, int64_t step);
void loop_unroll(LoopBuilder *b, int times); /* of the innermost open loop */
void loop_end(LoopBuilder *b);
Var *loop_let(LoopBuilder *b, const char *name, LoopExpr *value); /* a constant */
Var *loop_var(LoopBuilder *b, const char *name, LoopExpr *value); /* may be set */
void loop_set(LoopBuilder *b, Var *var, LoopExpr *value);
void loop_store(LoopBuilder *b, Buffer *buffer, LoopExpr *index, LoopExpr *value); /* scalar */
/* A scalar goes to all of the lanes. */
void loop_vstore(LoopBuilder *b, Buffer *buffer, LoopExpr *index, LoopExpr *value, int active);
void loop_transpose(LoopBuilder *b, Buffer *to, LoopExpr *to_index, int64_t to_ld, Buffer *from,
                    LoopExpr *from_index, int64_t from_ld, int rows, int cols);
/* A call, whose arguments follow in the order of the formals: loop_pass, then loop_argument. */
void loop_call(LoopBuilder *b, Function *callee);
void loop_pass(LoopBuilder *b, Handed passed);
void loop_argument(LoopBuilder *b, LoopExpr *value);
void loop_if(LoopBuilder *b, LoopExpr *condition);
void loop_else(LoopBuilder *b);
/* Asks for a line of memory that will be needed. */
void loop_prefetch(LoopBuilder *b, Buffer *buffer, LoopExpr *index);
void loop_comment(LoopBuilder *b, const char *text);
void loop_return(LoopBuilder *b, LoopExpr *value);
void loop_block(
    LoopBuilder *b); /* { ... }: a scope for names; ended by loop_end, as are if and for */
/* A block that becomes a function of its own, shared with other kernels; inlined: where it is
 * called, for the sake of its text. */
void loop_stage(LoopBuilder *b, const char *name, const char *comment, bool inlined);
/* What the stage that was opened last calls a buffer. */
void loop_role(LoopBuilder *b, const Buffer *buffer, const char *name);

/* Takes out names of what has one already; of a finished function. */
void loop_compute_once(Function *function);
/* Takes out names and local arrays that nothing reads, and passing names that one statement reads;
 * of a finished function. */
void loop_tidy(Function *function);
/* Names what is loaded more than once in statements that follow each other; of a finished function.
 */
void loop_share(Function *function);

/* Divides a tidy function into parts where its loops run `least` statements or more and their
 * iterations are apart; `batch` stands for the `count` that is unknown. Each iteration computes
 * what it did, so the results are the same to the bit. */
void loop_divide(Program *program, Function *function, int64_t batch, int64_t least);

/* The last step before printing: stages become functions. What is computed stays the same. */
void loop_outline(Program *program);
/* Then names without needless numbers, but for functions in parts. */
void loop_rename(Program *program);
/* And behind it: functions that differ by nothing but numbers share their loops. */
void loop_merge_alike(Program *program);
/* And behind that: a loop that runs once is its body, a block its statements unless names meet. */
void loop_open(Program *program);

/* ---- reading ---- */
bool loop_reads(const LoopExpr *x, const Var *var);
/* x with a value in place of a name; a copy where that changes it, as statements share theirs. */
LoopExpr *loop_replaced(Arena *arena, LoopExpr *x, const Var *var, LoopExpr *value);
/* The same, with index arithmetic folded. */
LoopExpr *loop_substitute(LoopBuilder *b, LoopExpr *x, const Var *var, LoopExpr *value);
/* What `map` makes of each expression of the statement, but of those inside it. */
typedef LoopExpr *(*LoopMap)(void *context, LoopExpr *x);
void loop_map(LoopStmt *s, LoopMap map, void *context);
bool loop_equal(const LoopExpr *a,
                const LoopExpr *b); /* the same expression on the same variables */
bool function_same(const Function *a,
                   const Function *b); /* equal loops, with names of buffers abstracted */
/* Its loops as text without names and without the numbers of indices and constants. */
const char *function_shape(const Function *f);
/* The function with its `count` one and gone; of the program, but not among its functions. */
Function *loop_single(Program *program, const Function *function);
void loop_dump(Text *out, const Program *program); /* --emit=loops: readable, target-independent */
#endif
