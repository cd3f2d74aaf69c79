/* The names of the grammar's words, for the scanner, for suggestions and for editors. */
#ifndef NNC_AST_WORDS_H
#define NNC_AST_WORDS_H
#include <stdbool.h>
#include <stddef.h>

typedef struct Word { const char *text; int token; bool reserved; } Word;

extern const Word ast_words[];               /* ends with a NULL text; the order of words.def */

/* The word spelt so, or NULL. */
const Word *ast_find_word(const char *text);

bool ast_is_name(int token);                 /* a name, or a soft word that can be one */
bool ast_opens_item(int token);              /* use, const, block, model, train, infer */
bool ast_opens_statement(int token);         /* a soft word that can open a statement */
#endif
