/* SPDX-License-Identifier: MIT
 * nn_wav.c - the loader wav(waveform = "digits.tar", text = ["zero", "one", ...]): sounds from a
 * WAV file or a tar of them, cut or padded with silence to the input's length.
 *
 * A part that takes a list of words is told by the name of the file: the number before its first
 * `_` (3_george_12.wav) counts the words. An i32[batch] gets that number, an i32[batch, n] the
 * letters of the word, a = 1, padded with -1. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn_file.h"
#include "nn_loaders.h"

typedef struct Sound {
    char name[101];
    const unsigned char *at;
    size_t size;
} Sound;

typedef struct Sounds {
    Sound *at;
    int64_t count, room;
} Sounds;

/* ---- members of a tar (POSIX.1-1988 ustar) ---- */

/* Names too long for a header stand in a member in front: of type L, as GNU tar does it, the name
 * alone; of type x, as POSIX.1-2001 has it, records "LENGTH path=NAME\n". */

static int add_sound(Sounds *sounds, const Sound *sound, nn_error *error)
{
    if (sounds->count == sounds->room) {
        int64_t room = sounds->room ? 2 * sounds->room : 64;
        Sound *larger = realloc(sounds->at, sizeof *larger * (size_t)room);
        if (!larger) return nn_fail(error, NN_ERR_MEMORY, "out of memory");
        sounds->at = larger;
        sounds->room = room;
    }
    sounds->at[sounds->count++] = *sound;
    return NN_OK;
}

static int is_wav(const char *name, size_t length)
{
    return length > 4 && (!memcmp(name + length - 4, ".wav", 4)
                          || !memcmp(name + length - 4, ".WAV", 4));
}

/* A name of some bytes, up to the first 0. */
typedef struct Name {
    const char *at;
    size_t length;
} Name;

static Name name_of(const void *at, size_t most)
{
    const char *text = at, *end = memchr(text, 0, most);
    Name name = { text, end ? (size_t)(end - text) : most };
    return name;
}

/* The number that `most` bytes begin with, below 10^9, and how many digits it has. */
static size_t leading_number(const char *text, size_t most, size_t *digits)
{
    size_t number = 0;
    for (*digits = 0; *digits < most && *digits < 9; ++*digits) {
        if (text[*digits] < '0' || text[*digits] > '9') break;
        number = 10 * number + (size_t)(text[*digits] - '0');
    }
    return number;
}

/* The last `path` among the records; none: no name. */
static Name path_record(const char *records, size_t size)
{
    static const char key[] = " path=";
    enum { KEY = sizeof key - 1 };
    Name name = { NULL, 0 };
    for (size_t at = 0, digits, length; at < size; at += length) {
        length = leading_number(records + at, size - at, &digits);
        if (length <= digits || length > size - at) break;
        if (length <= digits + KEY || memcmp(records + at + digits, key, KEY)) continue;
        name.at = records + at + digits + KEY;
        name.length = length - digits - KEY - 1;
    }
    return name;
}

/* What follows the last '/', as far as there is room. */
static void set_name(Sound *sound, Name name)
{
    size_t length = 0;
    while (length < name.length && name.at[name.length - length - 1] != '/') length++;
    name.at += name.length - length;
    if (length > sizeof sound->name - 1) length = sizeof sound->name - 1;
    memcpy(sound->name, name.at, length);
    sound->name[length] = 0;
}

enum { BLOCK = 512 };

static int is_header(const nn_bytes *file, size_t at)
{
    return file->size - at >= BLOCK && !memcmp(file->at + at + 257, "ustar", 5);
}

/* The member at a header; *next is the name that an earlier one gave it, or that it gives. */
static int read_member(const nn_bytes *file, size_t at, Sounds *sounds, Name *next, size_t *size,
                       nn_error *error)
{
    const char *header = (const char *)file->at + at;
    Sound sound = {{0}, file->at + at + BLOCK, 0};
    Name name = *next;
    char octal[13] = {0};
    nn_error_at(error, NULL, -1, -1, (int64_t)at);
    if (file->size - at < BLOCK) return nn_fail(error, NN_ERR_TRUNCATED, "ends within a header");
    memcpy(octal, header + 124, 12);
    sound.size = (size_t)strtoull(octal, NULL, 8);
    if (!is_header(file, at))
        return nn_fail(error, NN_ERR_FORMAT, "no member of a tar starts here");
    if (!name.at) name = name_of(header, 100);
    set_name(&sound, name);
    if (sound.size > file->size - at - BLOCK)
        return nn_fail(error, NN_ERR_TRUNCATED, "ends within '%s'", sound.name);
    *size = BLOCK + (sound.size + BLOCK - 1) / BLOCK * BLOCK;
    next->at = NULL;
    if (header[156] == 'L') *next = name_of(sound.at, sound.size);
    else if (header[156] == 'x') *next = path_record((const char *)sound.at, sound.size);
    else if ((header[156] == '0' || !header[156]) && is_wav(name.at, name.length))
        return add_sound(sounds, &sound, error);
    return NN_OK;
}

static int read_tar(const nn_bytes *file, Sounds *sounds, nn_error *error)
{
    Name next = { NULL, 0 };
    size_t size = 0;
    for (size_t at = 0; at < file->size && file->at[at]; at += size) {
        int status = read_member(file, at, sounds, &next, &size, error);
        if (status) return status;
    }
    return NN_OK;
}

static int find_sounds(const char *path, const nn_bytes *file, Sounds *sounds, nn_error *error)
{
    Sound only = {{0}, file->at, file->size};
    const char *slash = strrchr(path, '/');
    int status;
    if (file->size >= 4 && !memcmp(file->at, "RIFF", 4)) {
        snprintf(only.name, sizeof only.name, "%s", slash ? slash + 1 : path);
        return add_sound(sounds, &only, error);
    }
    status = is_header(file, 0) ? read_tar(file, sounds, error) : NN_OK;
    if (!status && !sounds->count)
        status = nn_fail(error, NN_ERR_FORMAT, "neither a WAV file nor a tar with some");
    return status;
}

/* ---- one WAV (Microsoft's RIFF; PCM of 8, 16, 24, 32 bits and f32) ---- */

typedef struct Format {
    int code, channels, bits;
    int64_t rate;
    const unsigned char *data;
    size_t bytes;
} Format;

static uint32_t u32_at(const unsigned char *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static int u16_at(const unsigned char *at) { return at[0] | at[1] << 8; }

static int read_format(const Sound *sound, Format *f, nn_error *error)
{
    memset(f, 0, sizeof *f);
    if (sound->size < 12 || memcmp(sound->at, "RIFF", 4) || memcmp(sound->at + 8, "WAVE", 4))
        return nn_fail(error, NN_ERR_FORMAT, "'%s' is no WAV file", sound->name);
    for (size_t at = 12; at + 8 <= sound->size;) {
        const unsigned char *chunk = sound->at + at;
        size_t size = u32_at(chunk + 4), left = sound->size - at - 8;
        if (size > left) size = left; /* streamed files do not know their length */
        if (!memcmp(chunk, "fmt ", 4) && size >= 16) {
            f->code = u16_at(chunk + 8);
            f->channels = u16_at(chunk + 10);
            f->rate = u32_at(chunk + 12);
            f->bits = u16_at(chunk + 22);
            if (f->code == 0xfffe && size >= 26) f->code = u16_at(chunk + 32);
        } else if (!memcmp(chunk, "data", 4)) {
            f->data = chunk + 8;
            f->bytes = size;
        }
        at += 8 + size + size % 2;
    }
    if (!f->rate || !f->data)
        return nn_fail(error, NN_ERR_FORMAT, "'%s' has no chunk `%s`", sound->name,
                       f->rate ? "data" : "fmt ");
    if (f->channels < 1 || f->bits < 8 || f->bits > 32 || f->bits % 8
        || (f->code != 1 && !(f->code == 3 && f->bits == 32)))
        return nn_fail(error, NN_ERR_FORMAT,
                       "'%s': only PCM of 8 to 32 bits and 32-bit floats are read", sound->name);
    return NN_OK;
}

/* One sample of one channel in [-1, 1]. */
static double sample_at(const Format *f, const unsigned char *at)
{
    uint32_t bits = 0;
    float real;
    if (f->bits == 8) return (at[0] - 128) / 128.0;
    for (int i = 0; i < f->bits / 8; i++) bits |= (uint32_t)at[i] << (32 - f->bits + 8 * i);
    if (f->code == 1) return (double)(int32_t)bits / 2147483648.0;
    memcpy(&real, &bits, sizeof real);
    return (double)real;
}

static void store_samples(const Format *f, int64_t width, float *out)
{
    int64_t frame = f->channels * (f->bits / 8), frames = (int64_t)f->bytes / frame;
    for (int64_t i = 0; i < width; i++) {
        double sum = 0;
        for (int c = 0; i < frames && c < f->channels; c++)
            sum += sample_at(f, f->data + i * frame + c * (f->bits / 8));
        out[i] = (float)(sum / f->channels);
    }
}

static int fill_waveforms(const Sounds *sounds, nn_column *column, nn_error *error)
{
    Format f;
    int64_t rate = 0;
    for (int64_t i = 0; i < sounds->count; i++) {
        int status = read_format(&sounds->at[i], &f, error);
        if (status) return status;
        if (rate && f.rate != rate)
            return nn_fail(error, NN_ERR_FORMAT, "'%s' has %lld samples a second, others %lld",
                           sounds->at[i].name, (long long)f.rate, (long long)rate);
        rate = f.rate;
        store_samples(&f, column->width, (float *)column->values + i * column->width);
    }
    return NN_OK;
}

/* ---- words ---- */

static int class_of(const Sound *sound, int words, int *class, nn_error *error)
{
    const char *slash = strrchr(sound->name, '/'), *name = slash ? slash + 1 : sound->name;
    char *end;
    long number = strtol(name, &end, 10);
    if (end == name || *end != '_' || number < 0 || number >= words)
        return nn_fail(error, NN_ERR_RANGE,
                       "the name '%s' does not start with the number of one of "
                       "the %d words and `_`",
                       sound->name, words);
    *class = (int)number;
    return NN_OK;
}

static int store_word(const char *word, int64_t width, int32_t *out, nn_error *error)
{
    int64_t length = (int64_t)strlen(word);
    if (length > width)
        return nn_fail(error, NN_ERR_SHAPE, "'%s' has more than %lld letters", word,
                       (long long)width);
    for (int64_t i = 0; i < width; i++) {
        if (i < length && (word[i] < 'a' || word[i] > 'z'))
            return nn_fail(error, NN_ERR_RANGE, "'%s': a word is letters a to z", word);
        out[i] = i < length ? word[i] - 'a' + 1 : -1;
    }
    return NN_OK;
}

static int fill_words(const Sounds *sounds, const nn_option *words, nn_column *column,
                      nn_error *error)
{
    for (int64_t i = 0; i < sounds->count; i++) {
        int32_t *out = (int32_t *)column->values + i * column->width;
        int class = 0, status = class_of(&sounds->at[i], words->count, &class, error);
        if (!status && column->rank == 1)
            status = store_word(words->texts[class], column->width, out, error);
        else if (!status) *out = class;
        if (status) return status;
    }
    return NN_OK;
}

/* ---- the data set ---- */

static int add_part(const nn_request *request, const nn_option *option, const Sounds *sounds,
                    nn_data *data, nn_error *error)
{
    const nn_io *io = nn_find_input(request->entry, option->name);
    int words = option->kind == NN_TEXTS;
    nn_column *column;
    if (!io || io->dtype != (words ? NN_I32 : NN_F32) || io->rank < 1 || io->rank > 2
        || (!words && io->rank != 2))
        return nn_fail(error, NN_ERR_SHAPE,
                       words ? "words are for i32[batch] or i32[batch, letters], "
                               "which '%s' is not"
                             : "sounds are for f32[batch, samples], which '%s' "
                               "is not",
                       option->name);
    column = nn_data_add(data, io->name, io->dtype, io->rank - 1, &io->dims[1], NULL, error);
    if (!column) return NN_ERR_SHAPE;
    return words ? fill_words(sounds, option, column, error)
                 : fill_waveforms(sounds, column, error);
}

static int make(const nn_request *request, const Sounds *sounds, nn_data **out, nn_error *error)
{
    const nn_step *step = request->step;
    int status = NN_OK;
    *out = nn_data_new(sounds->count, step->option_count, error);
    if (!*out) return NN_ERR_MEMORY;
    for (int i = 0; i < step->option_count && !status; i++)
        status = add_part(request, &step->options[i], sounds, *out, error);
    if (status) {
        nn_data_free(*out);
        *out = NULL;
    }
    return status;
}

static const nn_option *file_of(const nn_step *step)
{
    for (int i = 0; i < step->option_count; i++)
        if (step->options[i].kind == NN_TEXT) return &step->options[i];
    return NULL;
}

static int load(const nn_request *request, nn_data **out, nn_error *error)
{
    const nn_option *name = file_of(request->step);
    Sounds sounds = {NULL, 0, 0};
    nn_bytes file;
    char *path;
    int status;
    *out = NULL;
    if (!name) return nn_fail(error, NN_ERR_OPTION, "wav needs a file for one input");
    if (!(path = nn_file_join(request->dir, name->text, error))) return NN_ERR_MEMORY;
    status = nn_file_read(path, &file, error);
    if (!status) {
        nn_error_at(error, path, -1, -1, -1);
        status = find_sounds(path, &file, &sounds, error);
        nn_error_at(error, path, -1, -1, -1);
        if (!status) status = make(request, &sounds, out, error);
        free(sounds.at);
        free(file.at);
    }
    free(path);
    return status;
}

static const nn_option_spec options[] = {
    {"*", NN_TEXT | NN_TEXTS, 1, "the file (WAV, or a tar of WAVs); or words by number"},
    {NULL, 0, 0, NULL},
};

const nn_loader nn_wav_loader = {"wav", options, load};
