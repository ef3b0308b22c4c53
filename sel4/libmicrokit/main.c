/* A protection domain's event loop. SPDX-License-Identifier: BSD-2-Clause */

#include <microkit.h>

#define BIT(n) (1ull << (n))

/* Written by the tool. In .data: the tool writes into the image, not into what is cleared. */
#define PATCHED __attribute__((section(".data"), used))
char microkit_name[MICROKIT_PD_NAME_LENGTH] PATCHED = "";
_Bool microkit_passive PATCHED = 0;
seL4_Word microkit_irqs PATCHED = 0;
seL4_Word microkit_notifications PATCHED = 0;
seL4_Word microkit_pps PATCHED = 0;
seL4_Word microkit_ioports PATCHED = 0;

seL4_Bool microkit_have_signal;
seL4_CPtr microkit_signal_cap;
seL4_MessageInfo_t microkit_signal_msg;

/* The tool maps it into the last page. */
seL4_IPCBuffer *__sel4_ipc_buffer = (seL4_IPCBuffer *)(seL4_UserTop & ~(BIT(seL4_PageBits) - 1));

typedef void initialiser(void);
extern initialiser *const __init_array_start[];
extern initialiser *const __init_array_end[];

/* Sends what was deferred, if it cannot go together with a receive. */
static void flush_deferred(void)
{
    if (microkit_have_signal) {
        seL4_Send(microkit_signal_cap, microkit_signal_msg);
        microkit_have_signal = seL4_False;
    }
}

/* Waits for the next event, answering or sending first what there is to answer or send. */
static microkit_msginfo next_event(seL4_Bool have_reply, microkit_msginfo reply, seL4_Word *badge)
{
    if (have_reply) {
        flush_deferred();
        return seL4_ReplyRecv(MICROKIT_INPUT_CAP, reply, badge, MICROKIT_REPLY_CAP);
    }
    if (microkit_have_signal) {
        microkit_have_signal = seL4_False;
        return seL4_NBSendRecv(microkit_signal_cap, microkit_signal_msg, MICROKIT_INPUT_CAP, badge, MICROKIT_REPLY_CAP);
    }
    return seL4_Recv(MICROKIT_INPUT_CAP, badge, MICROKIT_REPLY_CAP);
}

static void notify_each(seL4_Word channels)
{
    for (microkit_channel channel = 0; channels != 0; channel++, channels >>= 1) {
        if (channels & 1) {
            notified(channel);
        }
    }
}

static __attribute__((noreturn)) void handle_events(void)
{
    seL4_Bool have_reply = seL4_False;
    microkit_msginfo reply = seL4_MessageInfo_new(0, 0, 0, 0);
    for (;;) {
        seL4_Word badge;
        const microkit_msginfo message = next_event(have_reply, reply, &badge);
        if (badge & BIT(MICROKIT_BADGE_PROTECTED_CALL_BIT)) {
            reply = protected((microkit_channel)(badge & ~BIT(MICROKIT_BADGE_PROTECTED_CALL_BIT)), message);
            have_reply = seL4_True;
        } else if (badge & BIT(MICROKIT_BADGE_FAULT_BIT)) {
            have_reply = fault((microkit_child)(badge & ~BIT(MICROKIT_BADGE_FAULT_BIT)), message, &reply);
        } else {
            notify_each(badge);
            have_reply = seL4_False;
        }
    }
}

__attribute__((noreturn)) void microkit_main(void)
{
    for (initialiser *const *next = __init_array_start; next < __init_array_end; next++) {
        (*next)();
    }
    init();
    if (microkit_passive) {
        flush_deferred();
        /* Tells the monitor, together with the first receive, that the scheduling context can go. */
        microkit_signal_cap = MONITOR_EP;
        microkit_signal_msg = seL4_MessageInfo_new(0, 0, 0, 0);
        microkit_have_signal = seL4_True;
    }
    /* An interrupt that came before the protection domain could take it is told again. */
    for (microkit_channel channel = 0; channel <= MICROKIT_MAX_CHANNEL_ID; channel++) {
        if (microkit_irqs >> channel & 1) {
            microkit_irq_ack(channel);
        }
    }
    handle_events();
}
