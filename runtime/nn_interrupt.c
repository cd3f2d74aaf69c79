/* SPDX-License-Identifier: MIT
 * nn_interrupt.c - polling for SIGINT and SIGTERM. */
#include "nn_interrupt.h"

#include <pthread.h>

static const int signals[] = { SIGINT, SIGTERM };
enum { SIGNALS = sizeof signals / sizeof *signals };

void nn_interrupt_begin(nn_interrupt *interrupt) {
    sigemptyset(&interrupt->watched);
    for (int i = 0; i < SIGNALS; i++) {
        struct sigaction action;
        if (!sigaction(signals[i], NULL, &action) && action.sa_handler != SIG_IGN)
            sigaddset(&interrupt->watched, signals[i]);
    }
    pthread_sigmask(SIG_BLOCK, &interrupt->watched, &interrupt->before);
    interrupt->on = 1;
}

int nn_interrupt_seen(const nn_interrupt *interrupt) {
    sigset_t pending;
    if (!interrupt->on || sigpending(&pending)) return 0;
    for (int i = 0; i < SIGNALS; i++)
        if (sigismember(&interrupt->watched, signals[i]) == 1 &&
            sigismember(&pending, signals[i]) == 1)
            return 1;
    return 0;
}

void nn_interrupt_end(nn_interrupt *interrupt) {
    if (!interrupt->on) return;
    while (nn_interrupt_seen(interrupt)) {
        int signal;
        if (sigwait(&interrupt->watched, &signal)) break;
    }
    pthread_sigmask(SIG_SETMASK, &interrupt->before, NULL);
    interrupt->on = 0;
}
