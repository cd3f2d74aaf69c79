/* Define it to watch the layers: a layer's name, its values as stored, and their number. */
#ifndef MODEL_TRACE
#define MODEL_TRACE(layer, pointer, n) ((void)0)
#endif

