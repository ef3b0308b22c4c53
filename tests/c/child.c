/* A child: tells its parent when it starts, and faults or answers when it is told to. */
#include <microkit.h>

#include "protocol.h"

#define PARENT 0
#define FAULT 1

/* A restart sets the program counter and nothing else, so this survives. */
static seL4_Word starts;

extern char _start[];

void init(void)
{
    starts++;
    microkit_mr_set(0, starts);
    microkit_mr_set(1, (seL4_Word)_start);
    microkit_ppcall(PARENT, microkit_msginfo_new(STARTED, 2));
}

void notified(microkit_channel channel)
{
    if (channel == FAULT) {
        *(volatile int *)CHILD_FAULT_ADDRESS = 1;
    }
    microkit_notify(PARENT);
}
