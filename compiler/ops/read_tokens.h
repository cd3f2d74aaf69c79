/* The tokens of the text form of graphs: words, quoted strings and punctuation. A number is a
 * word. */
#ifndef NNC_OPS_READ_TOKENS_H
#define NNC_OPS_READ_TOKENS_H
#include <stdint.h>

#include "base/diag.h"

typedef struct Tokens {
    Arena *arena;
    const Source *source;
    Diags *diags;
    size_t at;                       /* of the token looked at */
    size_t end;
    bool failed;                     /* an error was reported: nothing is accepted from then on */
} Tokens;

Tokens tokens_new(Arena *arena, const Source *source, Diags *diags);
bool tokens_end(const Tokens *t);
bool tokens_at(const Tokens *t, const char *text);           /* the token is exactly this */
bool tokens_accept(Tokens *t, const char *text);
void tokens_expect(Tokens *t, const char *text);
/* A word, or a string without its quotes; "" after an error. *label: as it is written, with a
 * %id that follows it. */
const char *tokens_name(Tokens *t, const char **label);
int64_t tokens_int(Tokens *t);
double tokens_number(Tokens *t);
void tokens_fail(Tokens *t, const char *message);            /* reports at the token, once */
/* where: t as it was at the token meant. */
void tokens_fail_at(Tokens *t, const Tokens *where, const char *message);
#endif
