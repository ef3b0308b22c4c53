/* SPDX-License-Identifier: BSD-2-Clause */
/* Says hello on a debug kernel's console. */
#include <microkit.h>

void init(void)
{
    microkit_dbg_puts(microkit_name);
    microkit_dbg_puts(": hello, world\n");
}

void notified(microkit_channel channel)
{
    (void)channel;
}
