/* Owns the table of the grammar's words. */
#include "ast/words.h"

#include <string.h>

#include "grammar/parse.h"

const Word ast_words[] = {
#define RESERVED(token, text) {text, TOK_##token, WORD_RESERVED},
#define ITEM_WORD(token, text) {text, TOK_##token, WORD_ITEM},
#define STATEMENT_WORD(token, text) {text, TOK_##token, WORD_STATEMENT},
#define SCAN_WORD(token, text) {text, TOK_##token, WORD_SCAN},
#include "ast/words.def"
#undef RESERVED
#undef ITEM_WORD
#undef STATEMENT_WORD
#undef SCAN_WORD
    {NULL, 0, WORD_RESERVED}};

const Word *ast_find_word(const char *text)
{
    for (const Word *word = ast_words; word->text; word++)
        if (word->text[0] == text[0] && strcmp(word->text, text) == 0) return word;
    return NULL;
}

static const Word *ast_word_of(int token)
{
    for (const Word *word = ast_words; word->text; word++)
        if (word->token == token) return word;
    return NULL;
}

bool ast_is_name(int token)
{
    const Word *word = ast_word_of(token);
    return token == TOK_NAME || (word && word->role != WORD_RESERVED);
}

bool ast_has_role(int token, WordRole role)
{
    const Word *word = ast_word_of(token);
    return word && word->role == role;
}
