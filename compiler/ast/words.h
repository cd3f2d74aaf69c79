/* The names of the grammar's words, for the scanner, for suggestions and for editors. */
#ifndef NNC_AST_WORDS_H
#define NNC_AST_WORDS_H
#include <stdbool.h>

/* All but the reserved are soft: names wherever their construct cannot be meant. */
typedef enum WordRole {
    WORD_RESERVED,
    WORD_ITEM,                               /* opens an item of a file */
    WORD_STATEMENT,                          /* opens a statement */
    WORD_SCAN                                /* belongs to the scan expression */
} WordRole;

typedef struct Word { const char *text; int token; WordRole role; } Word;

extern const Word ast_words[];               /* ends with a NULL text; the order of words.def */

/* The word spelt so; NULL if there is none. */
const Word *ast_find_word(const char *text);

bool ast_is_name(int token);                 /* a name, or a soft word that can be one */
bool ast_has_role(int token, WordRole role);
#endif
