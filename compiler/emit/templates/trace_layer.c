/* The same in a loop over layers: the name has %d where the layer's number belongs. */
#ifndef MODEL_TRACE_LAYER
#define MODEL_TRACE_LAYER(layer, i, pointer, n) MODEL_TRACE(layer, pointer, n)
#endif

