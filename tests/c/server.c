/* A server, active or passive: answers calls, and notifications. */
#include <microkit.h>

#include "protocol.h"

/* A notification that is sent before the first wait must not be lost, passive or not. */
#define CLIENT 0

void init(void)
{
    microkit_deferred_notify(CLIENT);
}

void notified(microkit_channel channel)
{
    microkit_deferred_notify(channel);
}

microkit_msginfo protected(microkit_channel channel, microkit_msginfo message)
{
    (void)channel;
    const seL4_Word count = microkit_msginfo_get_count(message);
    for (seL4_Word i = 0; i < count; i++) {
        microkit_mr_set((seL4_Uint8)i, microkit_mr_get((seL4_Uint8)i) + 1);
    }
    return microkit_msginfo_new(microkit_msginfo_get_label(message) + 1, (seL4_Uint16)count);
}
