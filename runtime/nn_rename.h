/* SPDX-License-Identifier: MIT
 * nn_rename.h - other programs' names of tensors, as a list of rules in a text file.
 *
 *     # Hugging Face's GPT2LMHeadModel
 *     transformer.*       *
 *     *.attn.bias         -
 *     lm_head.weight      wte.weight
 *
 * A line has a name of the file and ours; `*` stands for any text, once in each; `-` in place of
 * ours means that the tensor is not wanted. All lines apply, in order, each to what those before it
 * made of the name. */
#ifndef NN_RENAME_H
#define NN_RENAME_H
#include "nn_error.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { NN_NAME_ROOM = 256 };

/* to NULL: skip. A list ends with from NULL. */
typedef struct nn_rename {
    const char *from, *to;
} nn_rename;

/* Reads the rules of a file; NN_ERR_FORMAT names the line. *renames and what it points to are
 * released with free(). */
int nn_renames_read(const char *path, nn_rename **renames, nn_error *error);

/* Our name of a file's tensor, in `name`; 0: skip it. A name without room is cut, and so fits
 * nothing. */
int nn_rename_apply(const nn_rename *renames, const char *stored, char name[NN_NAME_ROOM]);

#ifdef __cplusplus
}
#endif
#endif
