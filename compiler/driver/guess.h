/* Guesses at why a layer differs from the reference, each tried by running the batch again. */
#ifndef NNC_DRIVER_GUESS_H
#define NNC_DRIVER_GUESS_H
#include "driver/trace.h"
#include "nn_safetensors.h"

/* What is wrong, and how to find out whether a change explains it. */
typedef struct Suspect {
    Arena *arena;
    Module *module;
    const Subject *subject;          /* the interpreter with the reference's weights */
    const nn_safetensors *file;
    const nn_entry *entry;           /* in training mode */
    nn_call *call;                   /* with the reference's batch */
    const TracedLayers *evaluated;   /* of the entry `evaluate`; may be empty */
    const char *layer;               /* NULL: no layer, an output */
    const Node *after, *until;       /* what it is made of: behind the last that agrees, or NULL */
    int output;                      /* the output that differs, */
    const float *want;               /* what it should be, */
    int64_t elements;
    double error;                    /* and how far it is off, relative to its largest element */
} Suspect;

/* What explains it best, in words; NULL if nothing that was tried brings the error down a
 * hundredfold. layers: those of the entry. */
const char *guess_cause(const Suspect *suspect, const TracedLayers *layers);
#endif
