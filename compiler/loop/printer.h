/* What the printers of functions share: print.c and print_parts.c. */
#ifndef NNC_LOOP_PRINTER_H
#define NNC_LOOP_PRINTER_H
#include "loop/spell.h"

/* "static void NAME(first, formals)"; first: text of a formal in front of them, or "". */
void print_signature(const Printer *p, const Function *f, const char *first);
void print_local(const Printer *p, const Buffer *local);     /* its declaration */
/* The function as it stands, banner first. */
void print_loops(const Printer *p, const Function *f);
/* A function that has parts, as its parts. */
void print_parts(const Printer *p, const Function *f);
/* Whether `name` stands in the text as a word. */
bool print_mentions(const char *text, const char *name);

#endif
