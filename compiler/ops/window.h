/* The geometry of operations that slide a window over the last axes of [rows, channels, ...]:
 * position o of the result meets, with tap k of the window, entry
 *
 *   o * stride + k * dilation - before
 *
 * of its input along every axis; entries outside are padding. Read by the shape rules, the
 * reference loops and by lowering. An operation and its gradients have the same geometry: `in` is
 * always what the window slides over, `out` has an entry for every position of the window. */
#ifndef NNC_OPS_WINDOW_H
#define NNC_OPS_WINDOW_H
#include "ops/op.h"

enum { MAX_WINDOW_AXES = MAX_RANK - 2 };

typedef struct WindowAxis {
    int64_t in, out;                 /* extents */
    int64_t taps;                    /* of the window */
    int64_t stride, dilation;        /* between positions, between taps */
    int64_t before;                  /* entries of padding; negative: entries not read */
} WindowAxis;

/* What an operand of the node is to the window; the last is the node itself. */
typedef enum WindowRole { ROLE_NONE, ROLE_IN, ROLE_WEIGHT, ROLE_OUT } WindowRole;

typedef struct Window Window;
struct Window {
    int axes;
    WindowAxis axis[MAX_WINDOW_AXES];
    int64_t rows;                    /* of in and out: their axis 0 */
    int64_t in_channels, out_channels;
    int64_t groups;                  /* pooling: one a channel */
    WindowRole input[2], result;
    Type in, weight, out;            /* weight: [out channels, in channels of a group, taps]; of
                                      * no rank where there is none */
};

/* NULL, or why the operands do not make a window. Requires KIND_WINDOW. */
const char *window_of(Arena *arena, const Node *node, Window *window);

int64_t window_taps(const Window *window);               /* all taps of the window */
int64_t window_positions(const Window *window);          /* all positions of a channel */
bool window_parts(const Window *window);                 /* no entry lies under two windows ... */
bool window_covers(const Window *window);                /* ... and every one under one */

/* The row's rules that all of the kind share: the type of the result, and how many entries meet a
 * tap, padding included. */
const char *window_type(Arena *arena, const Node *node, Type *out);
double window_work(const Node *node);
/* Appends another member of the node's family with the same geometry, for its gradient. */
Node *window_relative(Grad *g, Op op, Node *const *inputs);

/* A row of neighbouring positions along the last axis that meet `in` with one tap: position
 * out + i meets entry in + i * step, offsets within a channel. */
typedef struct WindowRun { int64_t tap, in, out, count, step; } WindowRun;

/* All of them, by tap in row-major order; the first of a position's taps comes first. */
const WindowRun *window_runs(Arena *arena, const Window *window, int *count);
#endif
