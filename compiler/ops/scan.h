/* The parts of a scan, for those who walk or lower it.
 *
 *   inputs of the node:   sequences, initial carries, captures
 *   inputs of the body:   an element of each sequence, carries, captures
 *   outputs of the body:  new carries, yields
 *   results:              final carries; yields stacked on axis 0, each where its element is */
#ifndef NNC_OPS_SCAN_H
#define NNC_OPS_SCAN_H
#include "ops/op.h"

typedef struct Scan {
    int sequences, carries, captures, yields;
    int64_t length;                  /* steps */
    bool reverse;                    /* from the last element to the first */
    const int64_t *axes;             /* of the sequences */
} Scan;

Scan scan_parts(const Node *node);
bool is_result_of(const Node *node, const Node *scan);
#endif
