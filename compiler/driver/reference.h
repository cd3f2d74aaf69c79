/* A reference to compare with: a safetensors file with the weights, one batch, and what another
 * program (PyTorch, by examples/pytorch) computed from them.
 *
 *   param/NAME state/NAME     weights and running statistics
 *   input/NAME target/NAME    the batch
 *   act/LAYER                 output of each named layer, in training mode
 *   output/NAME loss          output and loss, in training mode
 *   grad/NAME                 gradients of the loss
 *   infer/NAME                output in inference mode
 *   adam3/NAME state3/NAME    weights and statistics after three steps of Adam (steps.h)
 *   loss3                     before the third */
#ifndef NNC_DRIVER_REFERENCE_H
#define NNC_DRIVER_REFERENCE_H
#include "driver/subject.h"
#include "nn_rename.h"
#include "nn_safetensors.h"

/* "param" and "fc1.weight" give the tensor "param/fc1.weight"; a leading "module." in the file's
 * name is overlooked. NULL where there is none. */
const nn_stored *reference_find(const nn_safetensors *file, const char *kind, const char *name);
float *reference_floats(Arena *arena, const nn_stored *stored);

/* Rows of the batch by the inputs that the module declares; 0 after an error. */
int64_t reference_batch(const nn_safetensors *file, const Module *module, Diags *diags);
/* Parameters and states; false after errors that list what is missing or has another shape, with a
 * guess where the shape looks transposed. */
bool reference_weights(const nn_safetensors *file, const Module *module, Subject *subject,
                       Diags *diags);
/* Inputs and targets of a call; false after an error. */
bool reference_inputs(const nn_safetensors *file, const nn_model *model, const nn_entry *entry,
                      nn_call *call, Diags *diags);
/* Tensors of the model go by the names that the rules make of theirs; what they skip is gone. */
void reference_rename(nn_safetensors *file, const nn_rename *renames);
#endif
