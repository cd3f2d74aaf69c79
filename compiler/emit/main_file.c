/* NAME_main.c: what the train block of the program says, as tables of the runtime, and a main that
 * hands them to it. */
#include <string.h>

#include "elaborate/train_plan.h"
#include "emit/loader.h"

/* ---- options of a step ---- */

static const char *kind_constant(int kind)
{
    switch (kind) {
    case NN_NUMBER: return "NN_NUMBER";
    case NN_TEXT: return "NN_TEXT";
    case NN_WORD: return "NN_WORD";
    case NN_RANGE: return "NN_RANGE";
    case NN_NUMBERS: return "NN_NUMBERS";
    default: return "NN_TEXTS";
    }
}

/* "data_1_csv_x": of what an option holds more than one. */
static const char *list_name(Arena *arena, const char *step, const nn_option *option)
{
    const char *name = option->name ? emit_identifier(arena, option->name) : "list";
    return arena_printf(arena, "%s_%s", step, name);
}

static void lists(Text *out, const char *step, const nn_option *option)
{
    Text line = text_new(out->arena);
    if (option->kind != NN_NUMBERS && option->kind != NN_TEXTS) return;
    const bool numbers = option->kind == NN_NUMBERS;
    text_addf(&line, "static const %s%s[] = {", numbers ? "double " : "char *const ",
              list_name(out->arena, step, option));
    for (int i = 0; i < option->count; i++) {
        if (i) text_add(&line, ", ");
        if (numbers) text_add_double(&line, option->numbers[i]);
        else emit_string(&line, option->texts[i]);
    }
    text_add(&line, "};");
    wrap_code(out, 0, line.at);
}

static void text_or_null(Text *out, const char *text)
{
    if (text) emit_string(out, text);
    else text_add(out, "NULL");
}

static void option_row(Text *out, const char *step, const nn_option *option)
{
    Text line = text_new(out->arena);
    const char *list = list_name(out->arena, step, option);
    text_add(&line, "{");
    text_or_null(&line, option->name);
    text_addf(&line, ", %s, ", kind_constant(option->kind));
    text_add_double(&line, option->number);
    text_add(&line, ", ");
    text_add_double(&line, option->last);
    text_add(&line, ", ");
    text_or_null(&line, option->text);
    text_addf(&line, ", %s, %s, %d},", option->kind == NN_NUMBERS ? list : "NULL",
              option->kind == NN_TEXTS ? list : "NULL", option->count);
    wrap_code(out, 4, line.at);
}

/* ---- pipelines ---- */

static const char *step_name(Arena *arena, const char *pipeline, int number, const nn_step *step)
{
    return arena_printf(arena, "%s_%d_%s", pipeline, number + 1,
                        emit_identifier(arena, step->name));
}

static void pipeline(Text *out, const char *name, const nn_step *steps, int count)
{
    for (int i = 0; i < count; i++) {
        const char *step = step_name(out->arena, name, i, &steps[i]);
        for (int j = 0; j < steps[i].option_count; j++) lists(out, step, &steps[i].options[j]);
        if (!steps[i].option_count) continue;
        text_addf(out, "static const nn_option %s[] = {\n", step);
        for (int j = 0; j < steps[i].option_count; j++) option_row(out, step, &steps[i].options[j]);
        text_add(out, "};\n");
    }
    text_addf(out, "static const nn_step %s[] = {\n", name);
    for (int i = 0; i < count; i++) {
        text_add(out, "    {");
        emit_string(out, steps[i].name);
        text_addf(out, ", %s, %d},\n",
                  steps[i].option_count ? step_name(out->arena, name, i, &steps[i]) : "NULL",
                  steps[i].option_count);
    }
    text_add(out, "};\n\n");
}

static void target_names(Text *out, const nn_job *job)
{
    Text line = text_new(out->arena);
    if (!job->targets) return;
    text_add(&line, "static const char *const targets[] = {");
    for (int i = 0; job->targets[i]; i++) {
        emit_string(&line, job->targets[i]);
        text_add(&line, ", ");
    }
    text_add(&line, "NULL};");
    wrap_code(out, 0, line.at);
    text_add(out, "\n");
}

/* ---- custom loaders ---- */

const char *emit_loader_file(const nn_step *steps, int count)
{
    if (!count || strcmp(steps[0].name, "custom") != 0) return NULL;
    for (int i = 0; i < steps[0].option_count; i++)
        if (steps[0].options[i].kind == NN_TEXT && !steps[0].options[i].name)
            return steps[0].options[i].text;
    return NULL;
}

const char *emit_loader_stem(Arena *arena, const char *file)
{
    const char *slash = strrchr(file, '/');
    char *stem = arena_strdup(arena, slash ? slash + 1 : file);
    stem[strcspn(stem, ".")] = 0;
    return emit_identifier(arena, stem);
}

static int customs(Text *out, const nn_job *job)
{
    const char *files[] = {emit_loader_file(job->data, job->data_count),
                           emit_loader_file(job->validate, job->validate_count)};
    int count = 0;
    if (files[0] && files[1] && !strcmp(files[0], files[1])) files[1] = NULL;
    Text rows = text_new(out->arena);
    for (int i = 0; i < 2; i++) {
        if (!files[i]) continue;
        const char *stem = emit_loader_stem(out->arena, files[i]);
        text_addf(out, "/* Of %s, to be linked with this file. */\n", files[i]);
        text_addf(out,
                  "int %s_open(void **state, const char *dir, const nn_step *step,\n"
                  "    nn_custom_info *info, nn_error *error);\n",
                  stem);
        text_addf(out,
                  "int %s_read(void *state, int part, int64_t sample, void *out, "
                  "nn_error *error);\n",
                  stem);
        text_addf(out, "void %s_close(void *state);\n\n", stem);
        text_add(&rows, "    {");
        emit_string(&rows, files[i]);
        text_addf(&rows, ", %s_open, %s_read, %s_close},\n", stem, stem, stem);
        count++;
    }
    if (count) text_addf(out, "static const nn_custom customs[] = {\n%s};\n\n", rows.at);
    return count;
}

/* ---- settings ---- */

static void set_number(Text *out, const char *field, double value)
{
    if (value == 0) return;
    text_addf(out, "    job.%s = ", field);
    text_add_double(out, value);
    text_add(out, ";\n");
}

static void set_integer(Text *out, const char *field, int64_t value)
{
    if (value) text_addf(out, "    job.%s = %lld;\n", field, (long long)value);
}

static void optimizer(Text *out, const nn_optimizer *o)
{
    static const char *const kinds[] = {
        [NN_SGD] = "NN_SGD", [NN_ADAM] = "NN_ADAM", [NN_ADAMW] = "NN_ADAMW"};
    static const char *const schedules[] = {
        [NN_CONSTANT] = "NN_CONSTANT", [NN_STEPWISE] = "NN_STEPWISE", [NN_COSINE] = "NN_COSINE"};
    text_addf(out, "    job.optimizer.kind = %s;\n", kinds[o->kind]);
    text_addf(out, "    job.optimizer.lr.kind = %s;\n", schedules[o->lr.kind]);
    set_number(out, "optimizer.lr.peak", o->lr.peak);
    set_integer(out, "optimizer.lr.warmup", o->lr.warmup);
    set_integer(out, "optimizer.lr.every", o->lr.every);
    set_number(out, "optimizer.lr.factor", o->lr.factor);
    set_integer(out, "optimizer.lr.total", o->lr.total);
    set_number(out, "optimizer.momentum", o->momentum);
    set_integer(out, "optimizer.nesterov", o->nesterov);
    set_number(out, "optimizer.beta1", o->beta1);
    set_number(out, "optimizer.beta2", o->beta2);
    set_number(out, "optimizer.eps", o->eps);
    set_number(out, "optimizer.weight_decay", o->weight_decay);
}

static void settings(Text *out, const nn_job *job, int custom_count)
{
    text_add(out, "    nn_job job;\n    memset(&job, 0, sizeof job);\n");
    set_integer(out, "epochs", job->epochs);
    set_integer(out, "steps", job->steps);
    optimizer(out, &job->optimizer);
    set_number(out, "clip_norm", job->clip_norm);
    text_addf(out, "    job.data = data;\n    job.data_count = %d;\n", job->data_count);
    if (job->validate)
        text_addf(out, "    job.validate = validate;\n    job.validate_count = %d;\n",
                  job->validate_count);
    set_integer(out, "parts", job->parts);
    if (job->targets) text_add(out, "    job.targets = targets;\n");
    if (custom_count)
        text_addf(out, "    job.customs = customs;\n    job.custom_count = %d;\n", custom_count);
    set_integer(out, "seed", (int64_t)job->seed);
}

void emit_main(Text *out, const Emission *e)
{
    const nn_job *job = &e->module->train->job;
    const char *name = e->options.name;
    emit_banner(out, e, "_main.c");
    wrap_comment_lines(out,
                       arena_printf(e->arena,
                                    "\nTrains %s as %s says; --help tells the options. "
                                    "It is built with %s.c and the runtime:\n\n  cc -O2 %s_main.c "
                                    "%s.c -lnn -lz -lpthread -lm",
                                    name, e->module->source_name, name, name, name));
    out->at[out->length - 1] = ' ';
    text_addf(out, "*/\n#include \"%s.h\"\n\n#include <string.h>\n\n#include \"nn_job.h\"\n\n",
              name);
    text_add(out, "/* An option: name, kind, number, last, text, numbers, texts, count. */\n");
    pipeline(out, "data", job->data, job->data_count);
    if (job->validate) pipeline(out, "validate", job->validate, job->validate_count);
    target_names(out, job);
    const int custom_count = customs(out, job);
    text_add(out, "int main(int argc, char **argv)\n{\n");
    settings(out, job, custom_count);
    text_addf(out,
              e->target_count > 1 ? "    return nn_main(%s_select(), &job, argc, argv);\n}\n"
                                  : "    return nn_main(&%s_model, &job, argc, argv);\n}\n",
              name);
}
