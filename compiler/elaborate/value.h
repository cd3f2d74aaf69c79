/* What an expression is worth while a program is elaborated. Values never change and live on an
 * arena; they are passed by pointer. */
#ifndef NNC_ELABORATE_VALUE_H
#define NNC_ELABORATE_VALUE_H
#include "elaborate/number.h"

typedef enum ValueKind {
    VALUE_POISON,                    /* of something wrong that was reported: no further errors */
    VALUE_NONE, VALUE_BOOL, VALUE_NUMBER, VALUE_TEXT, VALUE_LIST, VALUE_RANGE, VALUE_TENSOR,
    VALUE_INIT
} ValueKind;

typedef struct Value Value;

/* A named part of a value: the final carries of a scan. */
typedef struct Member { const char *name; const Value *value; } Member;

/* A graph under construction: that of the entry, or the body of a scan inside another region. */
typedef struct Region Region;
struct Region {
    Region *parent;                  /* NULL: the entry */
    Graph *graph;
    VEC(Node *) outer;               /* what the body captures: nodes of the parent ... */
    VEC(Node *) inner;               /* ... and the inputs of the body that stand for them */
    struct ScanRun *run;             /* the scan of a body; NULL of an entry */
};

typedef struct TensorValue {
    Node *node;
    Region *region;                  /* whose graph holds the node */
    /* not NULL: the value is sum / weight, and weight depends on batch */
    Node *sum;
    Number weight;
} TensorValue;

struct Value {
    ValueKind kind;
    union {
        bool boolean;
        Number number;
        const char *text;
        struct { const Value *const *items; int count; } list;
        struct { int64_t begin, end; } range;
        TensorValue tensor;
        Init init;
    };
    const Member *members;
    int member_count;
};

extern const Value value_poison, value_none;

const Value *value_bool(Arena *arena, bool boolean);
const Value *value_number(Arena *arena, Number number);
const Value *value_int(Arena *arena, int64_t integer);
const Value *value_text(Arena *arena, const char *text);
const Value *value_list(Arena *arena, const Value *const *items, int count);

/* "the integer 3", "f32[batch=128, 10]", "a list": what it is, for messages. */
const char *value_describe(Arena *arena, const Value *value);

/* As interpolated in a string: "3", "conv", "[2, 3]"; NULL for what has no such form. */
const char *value_spell(Arena *arena, const Value *value);
#endif
