/* The runtime of a protection domain: what it implements, and what it may call (Microkit manual, "libmicrokit").
   SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <microkit_abi.h>
#include <sel4/sel4.h>

#define PD_ROOT_CAP_SIZE (1ull << PD_ROOT_CAP_BITS)

typedef unsigned int microkit_channel;
typedef unsigned int microkit_child;
typedef seL4_MessageInfo_t microkit_msginfo;

#if defined(__cplusplus)
extern "C" {
#endif

/* What the protection domain implements. init and notified it must; the library's protected and fault say that they are
   missing and end the protection domain. fault returns whether the child goes on, with *reply as the answer. */
void init(void);
void notified(microkit_channel channel);
microkit_msginfo protected(microkit_channel channel, microkit_msginfo message);
seL4_Bool fault(microkit_child child, microkit_msginfo message, microkit_msginfo *reply);

/* What the tool writes into the image: the name, and sets of channels, a bit each. */
extern char microkit_name[MICROKIT_PD_NAME_LENGTH];
extern seL4_Word microkit_irqs;
extern seL4_Word microkit_notifications;
extern seL4_Word microkit_pps;
extern seL4_Word microkit_ioports;

/* A message that the event loop sends together with its next receive. */
extern seL4_Bool microkit_have_signal;
extern seL4_CPtr microkit_signal_cap;
extern seL4_MessageInfo_t microkit_signal_msg;

/* The debug console. Nothing is written in configurations without one. Numbers are written in decimal. */
void microkit_dbg_putc(int character);
void microkit_dbg_puts(const char *text);
void microkit_dbg_put8(seL4_Uint8 number);
void microkit_dbg_put32(seL4_Uint32 number);

/* Says that a channel has not the right that `function` needs; the protection domain goes on. */
void microkit_internal_bad_channel(const char *function, microkit_channel channel);
/* Says that the kernel refused what `function` asked for, and ends the protection domain. */
void microkit_internal_refused(const char *function, seL4_Error error) __attribute__((noreturn));

#if defined(__cplusplus)
}
#endif

/* Ends the protection domain: a fault at the address `error`. */
static inline void microkit_internal_crash(seL4_Error error)
{
    *(volatile int *)(seL4_Word)error = 0;
}

/* Whether `channels` has the channel; if not, says so. */
static inline seL4_Bool microkit_internal_check(const char *function, seL4_Word channels, microkit_channel channel)
{
    if (channel <= MICROKIT_MAX_CHANNEL_ID && (channels >> channel & 1) != 0) {
        return seL4_True;
    }
    microkit_internal_bad_channel(function, channel);
    return seL4_False;
}

static inline void microkit_internal_require(const char *function, seL4_Error error)
{
    if (error != seL4_NoError) {
        microkit_internal_refused(function, error);
    }
}

/* Lets a thread run from an address. */
static inline seL4_Error microkit_internal_run_from(seL4_CPtr tcb, seL4_Word entry_point)
{
    seL4_UserContext context = {0};
    context.pc = entry_point;
    return seL4_TCB_WriteRegisters(tcb, seL4_True, 0, 1, &context);
}

/* Notifies the other end of a channel. */
static inline void microkit_notify(microkit_channel channel)
{
    if (microkit_internal_check(__func__, microkit_notifications, channel)) {
        seL4_Signal(BASE_OUTPUT_NOTIFICATION_CAP + channel);
    }
}

/* Lets an interrupt come again. */
static inline void microkit_irq_ack(microkit_channel channel)
{
    if (microkit_internal_check(__func__, microkit_irqs, channel)) {
        seL4_IRQHandler_Ack(BASE_IRQ_CAP + channel);
    }
}

/* Calls the other end of a channel, and waits for its answer. */
static inline microkit_msginfo microkit_ppcall(microkit_channel channel, microkit_msginfo message)
{
    if (!microkit_internal_check(__func__, microkit_pps, channel)) {
        return seL4_MessageInfo_new(0, 0, 0, 0);
    }
    return seL4_Call(BASE_ENDPOINT_CAP + channel, message);
}

/* As microkit_notify, when the protection domain next waits: saves a system call. The last of several deferred
   operations counts. */
static inline void microkit_deferred_notify(microkit_channel channel)
{
    if (microkit_internal_check(__func__, microkit_notifications, channel)) {
        microkit_signal_cap = BASE_OUTPUT_NOTIFICATION_CAP + channel;
        microkit_signal_msg = seL4_MessageInfo_new(0, 0, 0, 0);
        microkit_have_signal = seL4_True;
    }
}

/* As microkit_irq_ack, when the protection domain next waits. */
static inline void microkit_deferred_irq_ack(microkit_channel channel)
{
    if (microkit_internal_check(__func__, microkit_irqs, channel)) {
        microkit_signal_cap = BASE_IRQ_CAP + channel;
        microkit_signal_msg = seL4_MessageInfo_new(IRQAckIRQ, 0, 0, 0);
        microkit_have_signal = seL4_True;
    }
}

/* Starts a child anew, at an address of its program. */
static inline void microkit_pd_restart(microkit_child pd, seL4_Word entry_point)
{
    microkit_internal_require(__func__, microkit_internal_run_from(BASE_TCB_CAP + pd, entry_point));
}

/* Stops a child. */
static inline void microkit_pd_stop(microkit_child pd)
{
    microkit_internal_require(__func__, seL4_TCB_Suspend(BASE_TCB_CAP + pd));
}

/* Lets a child that was stopped go on. */
static inline void microkit_pd_resume(microkit_child pd)
{
    microkit_internal_require(__func__, seL4_TCB_Resume(BASE_TCB_CAP + pd));
}

/* Messages: a label, and a number of message registers. */
static inline microkit_msginfo microkit_msginfo_new(seL4_Word label, seL4_Uint16 count)
{
    return seL4_MessageInfo_new(label, 0, 0, count);
}

static inline seL4_Word microkit_msginfo_get_label(microkit_msginfo message)
{
    return seL4_MessageInfo_get_label(message);
}

static inline seL4_Word microkit_msginfo_get_count(microkit_msginfo message)
{
    return seL4_MessageInfo_get_length(message);
}

static inline void microkit_mr_set(seL4_Uint8 mr, seL4_Word value)
{
    seL4_SetMR(mr, value);
}

static inline seL4_Word microkit_mr_get(seL4_Uint8 mr)
{
    return seL4_GetMR(mr);
}

/* Lets a virtual CPU run from an address of its guest. */
static inline void microkit_vcpu_restart(microkit_child vcpu, seL4_Word entry_point)
{
    microkit_internal_require(__func__, microkit_internal_run_from(BASE_VM_TCB_CAP + vcpu, entry_point));
}

/* Stops a virtual CPU. */
static inline void microkit_vcpu_stop(microkit_child vcpu)
{
    microkit_internal_require(__func__, seL4_TCB_Suspend(BASE_VM_TCB_CAP + vcpu));
}

/* Puts an interrupt into list register `index` of a virtual CPU. */
static inline void microkit_vcpu_arm_inject_irq(microkit_child vcpu, seL4_Uint16 irq, seL4_Uint8 priority,
                                                seL4_Uint8 group, seL4_Uint8 index)
{
    microkit_internal_require(__func__, seL4_ARM_VCPU_InjectIRQ(BASE_VCPU_CAP + vcpu, irq, priority, group, index));
}

/* Lets a private interrupt of a virtual CPU be told again. */
static inline void microkit_vcpu_arm_ack_vppi(microkit_child vcpu, seL4_Word irq)
{
    microkit_internal_require(__func__, seL4_ARM_VCPU_AckVPPI(BASE_VCPU_CAP + vcpu, irq));
}

/* A register of a virtual CPU (seL4_VCPUReg). */
static inline seL4_Word microkit_vcpu_arm_read_reg(microkit_child vcpu, seL4_Word reg)
{
    seL4_ARM_VCPU_ReadRegs_t answer = seL4_ARM_VCPU_ReadRegs(BASE_VCPU_CAP + vcpu, (seL4_VCPUReg)reg);
    microkit_internal_require(__func__, (seL4_Error)answer.error);
    return answer.value;
}

static inline void microkit_vcpu_arm_write_reg(microkit_child vcpu, seL4_Word reg, seL4_Word value)
{
    microkit_internal_require(__func__, seL4_ARM_VCPU_WriteRegs(BASE_VCPU_CAP + vcpu, (seL4_VCPUReg)reg, value));
}

/* Calls the firmware; the protection domain has smc="true". */
static inline void microkit_arm_smc_call(seL4_ARM_SMCContext *args, seL4_ARM_SMCContext *response)
{
    microkit_internal_require(__func__, seL4_ARM_SMC_Call(ARM_SMC_CAP, args, response));
}

/* The capability that a <cspace> element puts into a slot; seL4_CapNull when there is no such slot. */
static inline seL4_CPtr microkit_cspace_root_slot_to_cptr(seL4_Word slot)
{
    return slot > 0 && slot < PD_ROOT_CAP_SIZE ? slot << (seL4_WordBits - PD_ROOT_CAP_BITS) : seL4_CapNull;
}
