/* SPDX-License-Identifier: MIT
 * nn_interrupt.h - SIGINT and SIGTERM, held back and looked at between steps.
 *
 * The signals are blocked and polled, so no handler runs and no global state is needed. A signal
 * that was ignored before stays ignored. */
#ifndef NN_INTERRUPT_H
#define NN_INTERRUPT_H
#include <signal.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nn_interrupt {
    int on;
    sigset_t watched, before;
} nn_interrupt;

/* Starts watching; call before threads are started, which inherit the block. */
void nn_interrupt_begin(nn_interrupt *interrupt);

/* 1 once one of them has come; asks the system, so about as cheap as reading a clock. */
int nn_interrupt_seen(const nn_interrupt *interrupt);

/* Swallows those that came and restores the thread's signal mask. Nothing unless begun. */
void nn_interrupt_end(nn_interrupt *interrupt);

#ifdef __cplusplus
}
#endif
#endif
