/* Numbers at compile time: exact rationals as long as they fit 64 bits, else doubles.
 *
 * A number that depends on `batch` has two faces: in a size it is the value at the compiled batch,
 * in tensor arithmetic the value at the number of valid rows. Such a number remembers how it was
 * computed. */
#ifndef NNC_ELABORATE_NUMBER_H
#define NNC_ELABORATE_NUMBER_H
#include <stdbool.h>
#include <stdint.h>
#include "ast/ast.h"
#include "ir/graph.h"

typedef struct Number Number;

/* How a number came from the number of valid rows: a map of numbers, or OP_count itself. */
typedef struct Rows {
    Op op;
    int count;
    const Number *operands;
    int depth;                       /* of the formula */
    /* k where the number is a constant times batch ** k, else NO_POWER */
    int power;
} Rows;

enum { NO_POWER = 1000 };

struct Number {
    bool exact;
    int64_t num, den;                /* exact: num / den in lowest terms, den > 0 */
    double real;                     /* not exact */
    const Rows *rows;                /* NULL: does not depend on batch */
};

Number number_int(int64_t value);
Number number_real(double value);
Number number_batch(Arena *arena, int64_t batch);
double number_double(Number a);
/* also a double without a fraction, within 2^53 */
bool number_is_int(Number a, int64_t *value);

/* a op b for + - * / % **. Returns NULL or why there is no result. */
const char *number_binary(Arena *arena, BinaryOp op, Number a, Number b, Number *out);
int number_compare(Number a, Number b);              /* < 0, 0, > 0 */

/* The elementwise operation of that name at constants; false: numbers have no such function. *error
 * is set where the arguments are outside its domain. */
bool number_function(Arena *arena, const char *name, Op op, const Number *args, int count,
                     Number *out, const char **error);

/* If a is a fixed multiple of batch: the multiple; else 0. */
int64_t number_per_row(Number a, int64_t batch);

/* "3", "1/255", "0.1". */
const char *number_text(Arena *arena, Number a);
#endif
