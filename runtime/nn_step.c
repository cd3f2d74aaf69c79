/* SPDX-License-Identifier: MIT
 * nn_step.c - the tables of loaders and transforms, and steps checked against them. */
#include "nn_step.h"

#include <stdio.h>
#include <string.h>

#include "nn_loaders.h"

const nn_loader *const nn_loaders[] = {
    &nn_idx_loader,
    &nn_csv_loader,
    &nn_tsv_loader,
    &nn_npy_loader,
    &nn_cifar10_loader,
    &nn_text_loader,
    &nn_wav_loader,
    &nn_custom_loader,
    NULL,
};

const nn_transform *const nn_transforms[] = {
    &nn_scale_transform,
    &nn_normalize_transform,
    &nn_standardize_transform,
    &nn_split_transform,
    &nn_unique_transform,
    &nn_random_flip_transform,
    &nn_random_crop_transform,
    NULL,
};

const nn_loader *nn_find_loader(const char *name) {
    for (int i = 0; nn_loaders[i]; i++)
        if (!strcmp(nn_loaders[i]->name, name)) return nn_loaders[i];
    return NULL;
}

const nn_transform *nn_find_transform(const char *name) {
    for (int i = 0; nn_transforms[i]; i++)
        if (!strcmp(nn_transforms[i]->name, name)) return nn_transforms[i];
    return NULL;
}

int nn_is_named(const char *const *names, const char *name) {
    for (int i = 0; names && names[i]; i++)
        if (!strcmp(names[i], name)) return 1;
    return 0;
}

const nn_option *nn_find_option(const nn_step *step, const char *name) {
    for (int i = 0; i < step->option_count; i++) {
        const char *have = step->options[i].name;
        if (name ? have && !strcmp(have, name) : !have) return &step->options[i];
    }
    return NULL;
}

double nn_option_number(const nn_step *step, const char *name, double otherwise) {
    const nn_option *option = nn_find_option(step, name);
    return option ? option->number : otherwise;
}

int nn_option_flag(const nn_step *step, const char *name, int otherwise) {
    const nn_option *option = nn_find_option(step, name);
    if (!option) return otherwise;
    return option->kind == NN_NUMBER ? option->number != 0 : !strcmp(option->text, "true");
}

static const nn_option_spec *find_spec(const nn_option_spec *specs, const char *name,
                                       const char *const *names) {
    for (; specs->name; specs++) {
        if (!name) {
            if (!specs->name[0]) return specs;
        } else if (!strcmp(specs->name, name) ||
                   (!strcmp(specs->name, "*") && nn_is_named(names, name))) {
            return specs;
        }
    }
    return NULL;
}

static const char *kinds_text(int kinds, char *buffer, size_t size) {
    static const char *const words[] = { "a number", "a text", "a word", "a range",
                                         "a list of numbers", "a list of texts" };
    buffer[0] = '\0';
    for (int i = 0; i < 6; i++)
        if (kinds & 1 << i) {
            size_t used = strlen(buffer);
            snprintf(buffer + used, size - used, "%s%s", used ? " or " : "", words[i]);
        }
    return buffer;
}

static int check_option(const nn_step *step, const nn_option *option,
                        const nn_option_spec *specs, const char *const *names, nn_error *error) {
    const nn_option_spec *spec = find_spec(specs, option->name, names);
    char wanted[128];
    if (!spec && option->name)
        return nn_fail(error, NN_ERR_OPTION, "%s has no option '%s'", step->name, option->name);
    if (!spec) return nn_fail(error, NN_ERR_OPTION, "%s takes named options only", step->name);
    if (!(option->kind & spec->kinds))
        return nn_fail(error, NN_ERR_OPTION, "%s: %s must be %s", step->name,
                       option->name ? option->name : "its first option",
                       kinds_text(spec->kinds, wanted, sizeof wanted));
    if (nn_find_option(step, option->name) != option)
        return nn_fail(error, NN_ERR_OPTION, "%s: %s is given twice", step->name,
                       option->name ? option->name : "its first option");
    return NN_OK;
}

static int check_required(const nn_step *step, const nn_option_spec *specs,
                          const char *const *names, nn_error *error) {
    for (; specs->name; specs++) {
        if (!specs->required) continue;
        if (strcmp(specs->name, "*")) {
            if (!nn_find_option(step, specs->name[0] ? specs->name : NULL))
                return nn_fail(error, NN_ERR_OPTION, "%s needs %s%s%s", step->name, specs->name,
                               specs->name[0] ? ": " : "", specs->help);
            continue;
        }
        for (int i = 0; names && names[i]; i++)
            if (!nn_find_option(step, names[i]))
                return nn_fail(error, NN_ERR_OPTION, "%s does not say where '%s' comes from",
                               step->name, names[i]);
    }
    return NN_OK;
}

static int check_step(const nn_step *step, const nn_option_spec *specs, const char *const *names,
                      nn_error *error) {
    for (int i = 0; i < step->option_count; i++) {
        int status = check_option(step, &step->options[i], specs, names, error);
        if (status) return status;
    }
    return check_required(step, specs, names, error);
}

int nn_check_steps(const nn_step *steps, int count, const char *const *names, nn_error *error) {
    const nn_loader *loader = count > 0 ? nn_find_loader(steps[0].name) : NULL;
    int status;
    if (count < 1) return nn_fail(error, NN_ERR_OPTION, "the data has no loader");
    if (!loader) return nn_fail(error, NN_ERR_OPTION, "there is no loader '%s'", steps[0].name);
    status = check_step(&steps[0], loader->options, names, error);
    for (int i = 1; i < count && !status; i++) {
        const nn_transform *transform = nn_find_transform(steps[i].name);
        if (!transform)
            return nn_fail(error, NN_ERR_OPTION, "there is no transform '%s'", steps[i].name);
        status = check_step(&steps[i], transform->options, names, error);
    }
    return status;
}
