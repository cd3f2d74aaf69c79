/* Owns the table of the grammar's words. */
#include "ast/words.h"

#include <string.h>

#include "grammar/parse.h"

const Word ast_words[] = {
#define RESERVED(token, text) {text, TOK_##token, true},
#define SOFT(token, text) {text, TOK_##token, false},
#include "ast/words.def"
#undef RESERVED
#undef SOFT
    {NULL, 0, false}};

const Word *ast_find_word(const char *text)
{
    for (const Word *word = ast_words; word->text; word++)
        if (word->text[0] == text[0] && strcmp(word->text, text) == 0) return word;
    return NULL;
}

bool ast_is_name(int token)
{
    return token == TOK_NAME || (token >= TOK_USE && token <= TOK_ALONG);
}

bool ast_opens_item(int token)
{
    return token >= TOK_USE && token <= TOK_INFER;
}

bool ast_opens_statement(int token)
{
    return token >= TOK_INPUT && token <= TOK_YIELD;
}
