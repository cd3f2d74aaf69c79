/* Writes text with a character GPT, one letter a call: ./generate WEIGHTS [PROMPT [LETTERS]]
 * Weights and alphabet are those that `nnc run char_gpt.nn --save WEIGHTS` left. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "char_gpt_step.h"
#include "nn_alphabet.h"
#include "nn_sample.h"
#include "nn_weights.h"

/* What a call needs; the session is all zero where a text begins. */
static float params[CHAR_GPT_STEP_PARAM_FLOATS], logits[256];
static float workspace[CHAR_GPT_STEP_INFER_WORKSPACE_BYTES / sizeof(float)];
static char_gpt_step_session session;
static nn_alphabet alphabet;

/* As many letters as the cache has places: its values are [1][heads][places][width]. */
enum {
    PLACES = sizeof session.h_0_attn_cache_values[0][0]
             / sizeof session.h_0_attn_cache_values[0][0][0]
};
static char seen[PLACES];
static int count;

static int load(const char *path)
{
    nn_error error = {0};
    nn_fitted fitted = {0};
    int status = nn_weights_load(&char_gpt_step_model, params, NULL, &fitted, path, NULL, &error);
    if (!status) status = nn_alphabet_recall(&alphabet, &fitted, "tokens", &error);
    if (status) fprintf(stderr, "generate: %s\n", error.reason);
    nn_fitted_free(&fitted);
    return status;
}

/* Takes in a letter: afterwards `logits` tell of the next. */
static void take(char letter)
{
    const int32_t token = alphabet.numbers[(unsigned char)letter];
    const int status = char_gpt_step_infer(params, &session, &token, logits, workspace);
    if (status != NN_OK) {
        fprintf(stderr, "generate: '%c': %s\n", letter, nn_status_text(status));
        exit(1);
    }
    seen[count++] = letter;
}

/* The same; a full cache begins anew with the later half of what it held. */
static void take_next(char letter)
{
    if (count == PLACES) {
        char_gpt_step_session_reset(&session);
        memmove(seen, seen + PLACES / 2, PLACES / 2);
        for (count = 0; count < PLACES / 2;) take(seen[count]);
    }
    take(letter);
}

int main(int argc, char **argv)
{
    const nn_sampling sampling = {.temperature = 0.8f, .top_k = 20, .seed = 1};
    const char *prompt = argc > 2 ? argv[2] : "\n";
    const int letters = argc > 3 ? atoi(argv[3]) : 300;
    if (argc < 2 || !*prompt) {
        fprintf(stderr, "usage: generate WEIGHTS [PROMPT [LETTERS]]\n");
        return 2;
    }
    if (load(argv[1])) return 1;
    fputs(prompt, stdout);
    for (; *prompt; prompt++) take_next(*prompt);
    for (int i = 0; i < letters; i++) {
        const int next = nn_sample(&sampling, logits, alphabet.count, (uint64_t)i);
        if (next < 0) return 1;
        putchar(alphabet.bytes[next]);
        take_next((char)alphabet.bytes[next]);
    }
    putchar('\n');
    return 0;
}
