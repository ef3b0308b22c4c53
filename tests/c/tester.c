/* Drives the C test system and judges each case. */
#include <microkit.h>

#include "protocol.h"
#include "report.h"

#define SERVER 0
#define PASSIVE 1
#define CLOCK 3
#define CHILD 4
#define CHILD_FAULT 5
/* No channel of this protection domain. */
#define NONE 60

#define CHILD_ID 1
/* Slots of <cspace>. */
#define CHILD_SC_SLOT 3
#define CHILD_TCB_SLOT 4

/* PL031: the time in seconds, the alarm, its interrupt's mask and acknowledgement. */
#define RTC_DR 0x00
#define RTC_MR 0x04
#define RTC_IMSC 0x10
#define RTC_ICR 0x1c

#define PSCI_VERSION 0x84000000ul
#define ROUNDS 10

/* Set by the description. */
uintptr_t uart_vaddr;
uintptr_t rtc_vaddr;
uint64_t rtc_size;
uint64_t child_id;

static enum {
    SERVERS,
    ALARM,
    DEFERRED_ALARM,
    CHILD_FAULTS,
    CHILD_RESTART,
    CHILD_STOPPED,
    CHILD_ANSWER,
    NOTHING,
} state;
static unsigned rounds;
static int constructed;
static seL4_Word child_entry;

__attribute__((constructor)) static void construct(void)
{
    constructed = 1;
}

static volatile uint32_t *rtc(uintptr_t offset)
{
    return (volatile uint32_t *)(rtc_vaddr + offset);
}

/* The interrupt comes when the second is over. */
static void set_alarm(void)
{
    *rtc(RTC_MR) = *rtc(RTC_DR) + 1;
    *rtc(RTC_IMSC) = 1;
}

static void clear_alarm(void)
{
    *rtc(RTC_IMSC) = 0;
    *rtc(RTC_ICR) = 1;
}

static void echo(const char *what, microkit_channel server, seL4_Uint16 words)
{
    for (seL4_Uint16 i = 0; i < words; i++) {
        microkit_mr_set((seL4_Uint8)i, 100 + i);
    }
    const microkit_msginfo answer = microkit_ppcall(server, microkit_msginfo_new(ECHO, words));
    unsigned right = microkit_msginfo_get_label(answer) == ECHO + 1;
    for (seL4_Uint16 i = 0; i < words; i++) {
        right += microkit_mr_get((seL4_Uint8)i) == 101u + i;
    }
    check_equal(what, right, 1u + words);
    check_equal(what, microkit_msginfo_get_count(answer), words);
}

static void calls(void)
{
    static const seL4_Uint16 lengths[] = {0, 1, 4, 5, seL4_MsgMaxLength};
    for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        echo("protected call", SERVER, lengths[i]);
        echo("protected call of a passive server", PASSIVE, lengths[i]);
    }
}

/* These say something on the debug console, and do nothing. */
static void channels_without_rights(void)
{
    microkit_notify(NONE);
    microkit_deferred_notify(NONE + 2);
    microkit_irq_ack(SERVER);
    const microkit_msginfo answer = microkit_ppcall(CLOCK, microkit_msginfo_new(ECHO, 1));
    check_equal("a call without a channel", microkit_msginfo_get_count(answer), 0);
    check_equal("nothing is deferred for a channel that is none", (uint64_t)microkit_have_signal, seL4_False);
}

static void invocations(void)
{
    const seL4_CPtr child = BASE_TCB_CAP + CHILD_ID;
    seL4_UserContext context = {0};
    context.x0 = 7;
    check_equal("registers are read", seL4_TCB_ReadRegisters(child, seL4_False, 0, 2, &context), seL4_NoError);
    check_equal("no more than were asked for", context.x0, 7);
    check_equal("the stack pointer is one", context.sp > 0x100000 && context.sp < seL4_UserTop, 1);
    check_equal("all registers", seL4_TCB_ReadRegisters(child, seL4_False, 0, sizeof(context) / sizeof(seL4_Word), &context),
                seL4_NoError);

    const seL4_TCB_SetFlags_t flags = seL4_TCB_SetFlags(child, 0, 0);
    check_equal("flags are answered", (uint64_t)flags.error << 8 | flags.flags, 0);

    check_equal("an error is told", seL4_TCB_SetPriority(child, MICROKIT_REPLY_CAP, 1), seL4_InvalidCapability);
    check_equal("and which argument it is about", seL4_GetMR(0), 1);

    const seL4_CPtr context_cap = microkit_cspace_root_slot_to_cptr(CHILD_SC_SLOT);
    check_equal("a scheduling context of <cspace>", (uint64_t)seL4_SchedContext_Consumed(context_cap).error, seL4_NoError);
    const seL4_CPtr thread = microkit_cspace_root_slot_to_cptr(CHILD_TCB_SLOT);
    check_equal("a thread of <cspace> is stopped", seL4_TCB_Suspend(thread), seL4_NoError);
    check_equal("and goes on", seL4_TCB_Resume(thread), seL4_NoError);
    check_equal("slots that are none", microkit_cspace_root_slot_to_cptr(64), seL4_CapNull);
#ifdef CONFIG_DEBUG_BUILD
    check_equal("an empty slot is identified", seL4_DebugCapIdentify(MONITOR_EP), 0);
#endif
}

static void firmware(void)
{
    seL4_ARM_SMCContext request = {.x0 = PSCI_VERSION};
    seL4_ARM_SMCContext answer = {0};
    microkit_arm_smc_call(&request, &answer);
    check_equal("PSCI version 1.1 or 1.0 or 0.2", answer.x0 <= 0x10001 && answer.x0 >= 2, 1);
}

void init(void)
{
    report_uart = uart_vaddr;
    check_equal("constructors run", (uint64_t)constructed, 1);
    check_equal("name", (uint64_t)microkit_name[0] << 8 | (uint8_t)microkit_name[5], (uint64_t)'t' << 8 | 'r');
    check_equal("variables of the description", rtc_size, 0x1000);
    check_equal("a child's id", child_id, CHILD_ID);
    check_equal("interrupts are known", microkit_irqs, 1u << CLOCK);
    calls();
    channels_without_rights();
    invocations();
    firmware();
}

/* Servers notify when they start, and answer each notification with one. */
static void server_notified(microkit_channel channel)
{
    rounds++;
    if (rounds < ROUNDS) {
        microkit_notify(channel);
    } else if (rounds == ROUNDS) {
        check_equal("notifications to and from servers", rounds, ROUNDS);
        state = ALARM;
        set_alarm();
    }
}

static void clock_notified(void)
{
    clear_alarm();
    switch (state) {
    case ALARM:
        check_equal("an interrupt", 1, 1);
        microkit_deferred_irq_ack(CLOCK);
        state = DEFERRED_ALARM;
        set_alarm();
        break;
    case DEFERRED_ALARM:
        check_equal("an interrupt after a deferred acknowledgement", 1, 1);
        microkit_irq_ack(CLOCK);
        state = CHILD_FAULTS;
        microkit_notify(CHILD_FAULT);
        break;
    case CHILD_STOPPED:
        check_equal("a stopped child does not run", 1, 1);
        microkit_irq_ack(CLOCK);
        state = CHILD_ANSWER;
        microkit_pd_resume(CHILD_ID);
        break;
    default:
        check_equal("no interrupt is due", 1, 0);
    }
}

static void child_notified(void)
{
    if (state == CHILD_RESTART) {
        microkit_pd_stop(CHILD_ID);
        microkit_notify(CHILD);
        state = CHILD_STOPPED;
        set_alarm();
    } else {
        check_equal("a resumed child runs", (uint64_t)state, CHILD_ANSWER);
        state = NOTHING;
        report_done();
    }
}

void notified(microkit_channel channel)
{
    switch (channel) {
    case SERVER:
    case PASSIVE:
        server_notified(channel);
        break;
    case CLOCK:
        clock_notified();
        break;
    case CHILD:
        child_notified();
        break;
    default:
        check_equal("a notification of a channel", channel, SERVER);
    }
}

microkit_msginfo protected(microkit_channel channel, microkit_msginfo message)
{
    check_equal("the child calls", (uint64_t)channel << 16 | microkit_msginfo_get_label(message), CHILD << 16 | STARTED);
    check_equal("its starts are counted", microkit_mr_get(0), state == CHILD_RESTART ? 2 : 1);
    child_entry = microkit_mr_get(1);
    if (state == CHILD_RESTART) {
        microkit_deferred_notify(CHILD);
    }
    return microkit_msginfo_new(0, 0);
}

seL4_Bool fault(microkit_child child, microkit_msginfo message, microkit_msginfo *reply)
{
    (void)reply;
    const seL4_Fault_t what = seL4_getFault(message);
    check_equal("the child's fault", seL4_Fault_get_seL4_FaultType(what), seL4_Fault_VMFault);
    check_equal("its address", seL4_Fault_VMFault_get_Addr(what), CHILD_FAULT_ADDRESS);
    check_equal("the child and the time", (uint64_t)child << 8 | state, CHILD_ID << 8 | CHILD_FAULTS);
    state = CHILD_RESTART;
    microkit_pd_restart(child, child_entry);
    return seL4_False;
}
