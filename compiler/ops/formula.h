/* Formulas of elementwise operations: "dy * y * (1 - y)". Infix + - * / < > == and names of maps
 * as functions. Parsed once into a small tree; each reader walks it with its own idea of a
 * value. */
#ifndef NNC_OPS_FORMULA_H
#define NNC_OPS_FORMULA_H
#include "ir/graph.h"

typedef struct Formula Formula;
struct Formula {
    enum { FORMULA_NUMBER, FORMULA_NAME, FORMULA_CALL } kind;
    double number;
    char name;                       /* 'a', 'b', 'c', 'y', 'd' for dy; 'k', 'm' in rewrites */
    Op op;                           /* a map */
    int arg_count;
    Formula *args[3];
};

/* Text of a table: a malformed one is a bug (asserts). */
Formula *formula_parse(Arena *arena, const char *text);
const char *map_value_formula(Op op);                            /* or NULL */
DType map_result(Op op, DType last);              /* of a map whose last input has that dtype */
const char *map_gradient_formula(Op op, int input, Arena *arena);/* or NULL: no gradient */

/* Walks a formula: `number` and `call` make values, `bound` are those of a, b, c, y, dy. */
typedef struct FormulaReader {
    void *context;
    void *(*number)(void *context, double value);
    void *(*call)(void *context, Op op, int arg_count, void **args);
    void *bound[5];                  /* a, b, c, y, dy */
} FormulaReader;
void *formula_read(const Formula *formula, const FormulaReader *reader);
#endif
