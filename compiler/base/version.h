/* The version of nnc, as --version and the banners of generated files tell it. */
#ifndef NNC_BASE_VERSION_H
#define NNC_BASE_VERSION_H
#define NNC_VERSION "0.1.0"
#endif
