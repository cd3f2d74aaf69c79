/* SPDX-License-Identifier: MIT
 * nn_json.c - a JSON cursor. */
#include "nn_json.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 64 };

static void skip_blanks(nn_json *json) {
    while (json->at < json->end && strchr(" \t\r\n", *json->at) && *json->at) json->at++;
}

int nn_json_take(nn_json *json, char c) {
    skip_blanks(json);
    if (json->at == json->end || *json->at != c) return 0;
    json->at++;
    return 1;
}

int nn_json_integer(nn_json *json, int64_t *value) {
    const char *start;
    int64_t sum = 0;
    skip_blanks(json);
    for (start = json->at; json->at < json->end && *json->at >= '0' && *json->at <= '9';
         json->at++) {
        int digit = *json->at - '0';
        if (sum > (INT64_MAX - digit) / 10) return 0;
        sum = sum * 10 + digit;
    }
    if (json->at == start || (json->at < json->end && strchr(".eE", *json->at) && *json->at))
        return 0;
    *value = sum;
    return 1;
}

/* The four digits of \uXXXX; -1 where they are not. */
static long hex4(nn_json *json) {
    long code = 0;
    if (json->end - json->at < 4) return -1;
    for (int i = 0; i < 4; i++) {
        const char *digits = "0123456789abcdef", *found;
        char c = *json->at++;
        if (c >= 'A' && c <= 'F') c = (char)(c - 'A' + 'a');
        if (!c || !(found = strchr(digits, c))) return -1;
        code = code * 16 + (found - digits);
    }
    return code;
}

/* A code point, from one or two \u escapes; -1 where it is malformed. */
static long code_point(nn_json *json) {
    long high = hex4(json), low;
    if (high < 0xd800 || high > 0xdfff) return high;
    if (high > 0xdbff || json->end - json->at < 6 || json->at[0] != '\\' || json->at[1] != 'u')
        return -1;
    json->at += 2;
    low = hex4(json);
    if (low < 0xdc00 || low > 0xdfff) return -1;
    return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

static char *put_utf8(char *out, long code) {
    if (code < 0x80) {
        *out++ = (char)code;
        return out;
    }
    if (code < 0x800) {
        *out++ = (char)(0xc0 | code >> 6);
    } else if (code < 0x10000) {
        *out++ = (char)(0xe0 | code >> 12);
        *out++ = (char)(0x80 | (code >> 6 & 0x3f));
    } else {
        *out++ = (char)(0xf0 | code >> 18);
        *out++ = (char)(0x80 | (code >> 12 & 0x3f));
        *out++ = (char)(0x80 | (code >> 6 & 0x3f));
    }
    *out++ = (char)(0x80 | (code & 0x3f));
    return out;
}

/* One escape behind its backslash; NULL where it is malformed. A zero would end the name early. */
static char *take_escape(nn_json *json, char *out) {
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *found;
    char c;
    if (json->at == json->end) return NULL;
    c = *json->at++;
    if (c == 'u') {
        long code = code_point(json);
        return code > 0 ? put_utf8(out, code) : NULL;
    }
    if (!c || !(found = strchr(from, c))) return NULL;
    *out++ = to[found - from];
    return out;
}

/* Resolved text is never longer than its escapes. */
char *nn_json_string(nn_json *json) {
    const char *stop;
    char *text, *out;
    if (!nn_json_take(json, '"')) return NULL;
    for (stop = json->at; stop < json->end && *stop != '"'; stop++)
        if (*stop == '\\') stop++;
    if (stop >= json->end || !(text = malloc((size_t)(stop - json->at) + 1))) return NULL;
    out = text;
    while (out && json->at < stop) {
        char c = *json->at++;
        if (c == '\\')
            out = take_escape(json, out);
        else if ((unsigned char)c < 0x20)
            out = NULL;
        else
            *out++ = c;
    }
    if (!out || json->at != stop) {
        free(text);
        return NULL;
    }
    *out = '\0';
    json->at++;
    return text;
}

static int skip_string(nn_json *json) {
    char *text = nn_json_string(json);
    free(text);
    return text != NULL;
}

/* A number, true, false or null: whatever runs up to the next structural character. */
static int skip_word(nn_json *json) {
    const char *start = json->at;
    while (json->at < json->end && *json->at && !strchr(",]} \t\r\n\":[{", *json->at)) json->at++;
    return json->at > start;
}

static int skip_value(nn_json *json, int depth) {
    int object;
    if (depth == MAX_DEPTH) return 0;
    skip_blanks(json);
    if (json->at < json->end && *json->at == '"') return skip_string(json);
    object = nn_json_take(json, '{');
    if (!object && !nn_json_take(json, '[')) return skip_word(json);
    if (nn_json_take(json, object ? '}' : ']')) return 1;
    do {
        if (object && !(skip_string(json) && nn_json_take(json, ':'))) return 0;
        if (!skip_value(json, depth + 1)) return 0;
    } while (nn_json_take(json, ','));
    return nn_json_take(json, object ? '}' : ']');
}

int nn_json_skip(nn_json *json) {
    return skip_value(json, 0);
}
