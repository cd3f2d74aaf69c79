/* safetensors: what is read and written, conversions, and files that lie. */
#include "runtime_files.h"

#include <math.h>

#include "nn_json.h"
#include "nn_random.h"
#include "nn_safetensors.h"
#include "nn_weights.h"
#include "runtime_model.h"

/* Bytes of a file with that header and data. */
static nn_bytes make_file(const char *header, const void *data, size_t size) {
    size_t length = strlen(header);
    nn_bytes file;
    file.size = 8 + length + size;
    file.at = calloc(1, file.size + 1);
    file.at[0] = (unsigned char)length;
    file.at[1] = (unsigned char)(length >> 8);
    memcpy(file.at + 8, header, length);
    if (size) memcpy(file.at + 8 + length, data, size);
    return file;
}

static int parse(const char *header, const void *data, size_t size, nn_safetensors *out,
                 nn_error *error) {
    nn_error_clear(error);
    return nn_safetensors_parse(make_file(header, data, size), out, error);
}

static void each_type_converts(void **state) {
    static const struct {
        const char *type;
        unsigned char bytes[8];
        float value;
    } cases[] = {
        { "F32", { 0, 0, 0xc0, 0x3f }, 1.5f },
        { "F64", { 0, 0, 0, 0, 0, 0, 0xd0, 0xbf }, -0.25f },
        { "F16", { 0x00, 0x3c }, 1 },            { "F16", { 0xff, 0x7b }, 65504 },
        { "F16", { 0x01, 0x80 }, -0x1p-24f },    { "F16", { 0x00, 0xfc }, -INFINITY },
        { "BF16", { 0x80, 0xbf }, -1 },          { "I32", { 0xfe, 0xff, 0xff, 0xff }, -2 },
        { "I64", { 0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, -3 },
        { "I16", { 0, 0x80 }, -32768 },          { "I8", { 0x80 }, -128 },
        { "U8", { 0x80 }, 128 },                 { "BOOL", { 1 }, 1 },
    };
    static const struct {
        const char *type;
        size_t size;
    } sizes[] = { { "F32", 4 }, { "F64", 8 }, { "F16", 2 }, { "BF16", 2 }, { "I32", 4 },
                  { "I64", 8 }, { "I16", 2 }, { "I8", 1 },  { "U8", 1 },   { "BOOL", 1 } };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char header[128];
        nn_safetensors file;
        size_t size = 0;
        float value;
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            if (!strcmp(sizes[s].type, cases[i].type)) size = sizes[s].size;
        snprintf(header, sizeof header,
                 "{\"t\":{\"dtype\":\"%s\",\"shape\":[],\"data_offsets\":[0,%zu]}}", cases[i].type,
                 size);
        assert_int_equal(parse(header, cases[i].bytes, size, &file, NULL), NN_OK);
        assert_string_equal(nn_stored_type(file.tensors), cases[i].type);
        nn_stored_floats(file.tensors, &value);
        assert_true(value == cases[i].value);
        nn_safetensors_free(&file);
    }
}

#define TENSOR(name, shape, from, to)                                                            \
    "\"" name "\":{\"dtype\":\"F32\",\"shape\":[" shape "],\"data_offsets\":[" from "," to "]}"

static void headers_that_lie(void **state) {
    static const struct {
        const char *header, *reason;
    } cases[] = {
        { "", "'{' expected" },
        { "[]", "'{' expected" },
        { "{", "a name and ':'" },
        { "{\"a\"}", "a name and ':'" },
        { "{\"a\":1}", "'{' expected" },
        { "{\"a\":{}}", "a key" },
        { "{\"a\":{\"dtype\":\"F32\"}}", "missing" },
        { "{" TENSOR("a", "2", "0", "8") "} x", "text behind" },
        { "{" TENSOR("a", "2", "0", "8") ",}", "a name and ':'" },
        { "{" TENSOR("a", "2", "8", "0") "}", "reversed" },
        { "{" TENSOR("a", "2", "0", "9") "}", "ends at byte 9" },
        { "{" TENSOR("a", "3", "0", "8") "}", "its shape needs 12" },
        { "{" TENSOR("a", "1", "0", "4") "}", "belong to no tensor" },
        { "{" TENSOR("a", "1", "4", "8") "}", "follows bytes" },
        { "{" TENSOR("a", "1", "0", "4") "," TENSOR("b", "2", "0", "8") "}", "overlaps" },
        { "{" TENSOR("a", "1", "0", "4") "," TENSOR("a", "1", "4", "8") "}", "twice" },
        { "{" TENSOR("a", "-1", "0", "8") "}", "no size" },
        { "{" TENSOR("a", "1.5", "0", "8") "}", "no size" },
        { "{" TENSOR("a", "99999999999999999999", "0", "8") "}", "no size" },
        { "{" TENSOR("a", "4294967296,4294967296", "0", "8") "}", "impossible" },
        { "{" TENSOR("a", "1,1,1,1,1,1,1,1,2", "0", "8") "}", "more axes" },
        { "{\"a\":{\"dtype\":\"F8\",\"shape\":[2],\"data_offsets\":[0,8]}}", "not supported" },
        { "{\"a\":{\"dtype\":3,\"shape\":[2],\"data_offsets\":[0,8]}}", "must be a string" },
        { "{\"\\u0000\":1}", "a name" },
        { "{\"\\ud800\":1}", "a name" },
        { "{\"__metadata__\":{\"a\":[[[[1]]}", "metadata" },
    };
    static const float data[2] = { 1, 2 };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        nn_safetensors file;
        nn_error error;
        assert_int_not_equal(parse(cases[i].header, data, sizeof data, &file, &error), NN_OK);
        if (!strstr(error.reason, cases[i].reason))
            fail_msg("%s: '%s' is not in: %s", cases[i].header, cases[i].reason, error.reason);
        nn_safetensors_free(&file);
    }
}

static const char good_header[] =
    "{\"__metadata__\":{\"format\":\"pt\",\"x\":[1,{\"y\":null}]},"
    TENSOR("b\\n\\u00e4", "1", "4", "8") "," TENSOR("a", "1", "0", "4") "}   ";

static void a_good_header_is_read(void **state) {
    static const float data[2] = { 1, 2 };
    nn_safetensors file;
    float value;
    (void)state;
    assert_int_equal(parse(good_header, data, sizeof data, &file, NULL), NN_OK);
    assert_int_equal(file.count, 2);
    nn_stored_floats(nn_safetensors_find(&file, "b\n\xc3\xa4"), &value);
    assert_true(value == 2);
    nn_safetensors_free(&file);
}

/* Files cut anywhere, huge header lengths and 20,000 random changes: an answer, never a crash. */
static void damage_does_no_harm(void **state) {
    static const float data[2] = { 1, 2 };
    nn_bytes whole = make_file(good_header, data, sizeof data);
    nn_safetensors file;
    nn_error error;
    int refused = 0;
    (void)state;
    for (size_t size = 0; size < whole.size; size++) {
        nn_bytes part = { malloc(size + 1), size };
        memcpy(part.at, whole.at, size);
        assert_int_not_equal(nn_safetensors_parse(part, &file, &error), NN_OK);
        nn_safetensors_free(&file);
    }
    for (uint64_t i = 0; i < 20000; i++) {
        nn_bytes copy = { malloc(whole.size + 1), whole.size };
        uint64_t bits = nn_random(5, NN_STREAM_USER, i);
        memcpy(copy.at, whole.at, whole.size + 1);
        for (int k = 0; k < 1 + (int)(bits & 3); k++) {
            bits = nn_random(bits, NN_STREAM_USER, i);
            copy.at[(bits >> 8) % whole.size] = (unsigned char)bits;
        }
        refused += nn_safetensors_parse(copy, &file, &error) != NN_OK;
        nn_safetensors_free(&file);
    }
    assert_true(refused > 10000);
    free(whole.at);
}

static void json_is_not_deep(void **state) {
    char text[400];
    nn_json json = { text, text + 200, text };
    (void)state;
    memset(text, '[', 200);
    assert_int_equal(nn_json_skip(&json), 0);
    memset(text, '[', 60);
    memset(text + 60, ']', 60);
    json.at = text;
    json.end = text + 120;
    assert_int_equal(nn_json_skip(&json), 1);
}

/* --- weights --- */

typedef struct Weights {
    float params[TOY_FLOATS], states[TOY_STATES];
} Weights;

static void what_is_saved_is_loaded(void **state) {
    static const float mean[] = { 1, 2, 3 };
    nn_fitted fitted = { 0, 0, NULL }, back = { 0, 0, NULL };
    Weights w, r;
    char path[64];
    PATH(path, "w.safetensors");
    memset(&w, 0, sizeof w);
    memset(&r, 0, sizeof r);
    toy_init(w.params, 9);
    w.params[2] = -2, w.params[16] = 4;
    w.states[0] = 100, w.states[3] = 7;
    assert_int_equal(nn_fitted_put(&fitted, "x", "mean", mean, 3, NULL), NN_OK);
    assert_int_equal(nn_weights_save(&toy_model, w.params, w.states, &fitted, path, NULL), NN_OK);
    assert_int_equal(nn_weights_load(&toy_model, r.params, r.states, &back, path, NULL, NULL),
                     NN_OK);
    assert_memory_equal(&w, &r, sizeof w);
    assert_int_equal(nn_fitted_get(&back, "x", "mean")->count, 3);
    assert_memory_equal(nn_fitted_get(&back, "x", "mean")->values, mean, sizeof mean);
    nn_fitted_free(&fitted);
    nn_fitted_free(&back);
}

typedef struct Notes {
    char text[800];
} Notes;

static void collect(void *user, const char *text) {
    Notes *notes = user;
    size_t used = strlen(notes->text);
    snprintf(notes->text + used, sizeof notes->text - used, "%s\n", text);
}

/* Names as torch writes them from a wrapped module, one of them foreign. */
static void prefixes_counters_and_foreign_names(void **state) {
    static const float values[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
    static const nn_storing tensors[] = {
        { "module.fc.weight", 2, { 1, 3 }, values },
        { "module.fc.offset", 1, { 1 }, values + 3 },
        { "fixed", 1, { 2 }, values + 4 },
        { "seen", 1, { 2 }, values + 6 },
        { "module.bn.num_batches_tracked", 0, { 0 }, values + 8 },
    };
    static const nn_rename renames[] = { { "module.fc.offset", "fc.bias" }, { NULL, NULL } };
    Notes notes = { "" };
    nn_weights_options options = { renames, collect, NULL };
    Weights w;
    char path[64];
    options.user = &notes;
    PATH(path, "torch.safetensors");
    memset(&w, 0, sizeof w);
    assert_int_equal(nn_safetensors_write(path, tensors, 5, NULL), NN_OK);
    assert_int_equal(nn_weights_load(&toy_model, w.params, w.states, NULL, path, &options, NULL),
                     NN_OK);
    assert_true(w.params[4] == 3 && w.params[16] == 4 && w.params[33] == 6 && w.states[3] == 8);
    assert_string_equal(notes.text,
                        "read 'module.fc.weight' without 'module.'\n"
                        "skipped 'module.bn.num_batches_tracked': batches are not counted\n");
}

/* ---- rules for names ---- */

static void names_by_rules(void **state) {
    static const nn_rename rules[] = { { "transformer.*", "*" },
                                       { "*.attn.bias", NULL },
                                       { "head", "wte" },
                                       { "h.*.w", "layer.*.weight" },
                                       { NULL, NULL } };
    static const char *const names[][2] = {
        { "transformer.h.0.w", "layer.0.weight" }, { "h.11.w", "layer.11.weight" },
        { "head", "wte" },                         { "transformer.head", "wte" },
        { "transformer.", "" },                    { "transformer", "transformer" },
        { "h.0.c_attn.bias", "h.0.c_attn.bias" },  { "h.w", "h.w" },
    };
    char name[NN_NAME_ROOM], longest[400];
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_int_equal(nn_rename_apply(rules, names[i][0], name), 1);
        assert_string_equal(name, names[i][1]);
    }
    assert_int_equal(nn_rename_apply(rules, "transformer.h.3.attn.bias", name), 0);
    assert_int_equal(nn_rename_apply(NULL, "anything", name), 1);
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    assert_int_equal(nn_rename_apply(rules, longest, name), 1);
    assert_int_equal(strlen(name), NN_NAME_ROOM - 1);
}

static void write_text(const char *path, const char *text) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static void rules_are_read(void **state) {
    nn_rename *rules;
    nn_error error;
    char path[64], text[400];
    PATH(path, "rules");
    write_text(path, "# comment\n\n  a.*\t*  # more\nb  -\r\nlast c");
    assert_int_equal(nn_renames_read(path, &rules, NULL), NN_OK);
    assert_string_equal(rules[0].from, "a.*");
    assert_string_equal(rules[0].to, "*");
    assert_string_equal(rules[1].from, "b");
    assert_null(rules[1].to);
    assert_string_equal(rules[2].to, "c");
    assert_null(rules[3].from);
    free(rules);
    static const char *const wrong[][2] = {
        { "a b\nc",
          "rules:2: two names belong here, the file's and the model's, or `-` to skip it" },
        { "a b c",
          "rules:1: two names belong here, the file's and the model's, or `-` to skip it" },
        { "a.*.* b", "rules:1: `*` stands for any text, once in each name" },
        { "a *", "rules:1: `*` stands for any text, once in each name" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        nn_error_clear(&error);
        write_text(path, wrong[i][0]);
        assert_int_equal(nn_renames_read(path, &rules, &error), NN_ERR_FORMAT);
        assert_null(rules);
        assert_non_null(strstr(nn_error_text(&error, text, sizeof text), wrong[i][1]));
    }
}

/* Tied weights: twice the same by a rule, and only if they are equal. */
static void equal_twice(void **state) {
    float values[] = { 1, 2, 3, 4, 5, 6, 7, 8, 4 };
    const nn_storing tensors[] = {
        { "fc.weight", 2, { 1, 3 }, values }, { "fc.bias", 1, { 1 }, values + 3 },
        { "fixed", 1, { 2 }, values + 4 },    { "seen", 1, { 2 }, values + 6 },
        { "tied", 1, { 1 }, values + 8 },
    };
    static const nn_rename rules[] = { { "tied", "fc.bias" }, { NULL, NULL } };
    nn_weights_options options = { rules, NULL, NULL };
    Weights w;
    nn_error error;
    char path[64];
    PATH(path, "tied.safetensors");
    memset(&w, 0, sizeof w);
    assert_int_equal(nn_safetensors_write(path, tensors, 5, NULL), NN_OK);
    assert_int_equal(nn_weights_load(&toy_model, w.params, w.states, NULL, path, &options, NULL),
                     NN_OK);
    values[8] = 5;
    assert_int_equal(nn_safetensors_write(path, tensors, 5, NULL), NN_OK);
    nn_error_clear(&error);
    assert_int_equal(nn_weights_load(&toy_model, w.params, w.states, NULL, path, &options, &error),
                     NN_ERR_MODEL);
    assert_non_null(strstr(error.reason, "twice: fc.bias"));
}

static void everything_wrong_is_told_at_once(void **state) {
    static const float values[8] = { 0 };
    static const nn_storing tensors[] = {
        { "fc.weight", 2, { 3, 1 }, values },
        { "fc.bias", 1, { 1 }, values },
        { "module.fc.bias", 1, { 1 }, values },
        { "head.weight", 2, { 2, 2 }, values },
        { "seen", 1, { 2 }, values },
    };
    Weights w, before;
    nn_error error;
    char path[64], text[2560];
    PATH(path, "wrong.safetensors");
    memset(&w, 7, sizeof w);
    before = w;
    nn_error_clear(&error);
    assert_int_equal(nn_safetensors_write(path, tensors, 5, NULL), NN_OK);
    assert_int_equal(nn_weights_load(&toy_model, w.params, w.states, NULL, path, NULL, &error),
                     NN_ERR_MODEL);
    assert_memory_equal(&w, &before, sizeof w);
    assert_string_equal(error.reason, "4 tensors do not fit model 'toy':\n"
                        "  shape: fc.weight is [3,1] in the file, [1,3] in the model\n"
                        "  twice: fc.bias, also as module.fc.bias\n"
                        "  unexpected: head.weight [2,2]\n"
                        "  missing: fixed [2]");
    assert_ptr_equal(strstr(nn_error_text(&error, text, sizeof text), path), text);
}

static void writing_where_one_cannot(void **state) {
    Weights w;
    nn_error error;
    (void)state;
    memset(&w, 0, sizeof w);
    assert_int_equal(nn_weights_save(&toy_model, w.params, w.states, NULL, "/nowhere/w", &error),
                     NN_ERR_WRITE);
    assert_non_null(strstr(error.reason, "No such file or directory"));
}

static void a_golden_file_is_read(void **state) {
    const char *path = "../shared/goldens/regression.safetensors";
    nn_safetensors file;
    float value = 0;
    (void)state;
    if (!file_exists(path)) {
        print_message("skipped: %s is not there\n", path);
        skip();
    }
    assert_int_equal(nn_safetensors_read(path, &file, NULL), NN_OK);
    nn_stored_floats(nn_safetensors_find(&file, "loss"), &value);
    assert_true(fabsf(value - 0.333379f) < 1e-6f);
    nn_safetensors_free(&file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_type_converts),
        cmocka_unit_test(headers_that_lie),
        cmocka_unit_test(a_good_header_is_read),
        cmocka_unit_test(damage_does_no_harm),
        cmocka_unit_test(json_is_not_deep),
        cmocka_unit_test(what_is_saved_is_loaded),
        cmocka_unit_test(prefixes_counters_and_foreign_names),
        cmocka_unit_test(names_by_rules),
        cmocka_unit_test(rules_are_read),
        cmocka_unit_test(equal_twice),
        cmocka_unit_test(everything_wrong_is_told_at_once),
        cmocka_unit_test(writing_where_one_cannot),
        cmocka_unit_test(a_golden_file_is_read),
    };
    return cmocka_run_group_tests(tests, files_setup, files_teardown);
}
