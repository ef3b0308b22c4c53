/* System calls (seL4 manual, section 10.1): svc #0, the call's number in x7, its capability in x0, message info in x1,
   the first message registers in x2 to x5. SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <sel4/functions.h>
#include <sel4/types.h>

/* Makes a system call. x0 to x5 are in and out; x6 and x8 are what a call takes beside them. */
LIBSEL4_INLINE_FUNC void seL4_Trap(seL4_Word number, seL4_Word *cap, seL4_Word *info, seL4_Word mr[4], seL4_Word sixth,
                                   seL4_Word eighth)
{
    register seL4_Word x0 __asm__("x0") = *cap;
    register seL4_Word x1 __asm__("x1") = *info;
    register seL4_Word x2 __asm__("x2") = mr[0];
    register seL4_Word x3 __asm__("x3") = mr[1];
    register seL4_Word x4 __asm__("x4") = mr[2];
    register seL4_Word x5 __asm__("x5") = mr[3];
    register seL4_Word x6 __asm__("x6") = sixth;
    register seL4_Word x7 __asm__("x7") = number;
    register seL4_Word x8 __asm__("x8") = eighth;
    __asm__ volatile("svc #0"
                     : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3), "+r"(x4), "+r"(x5)
                     : "r"(x6), "r"(x7), "r"(x8)
                     : "memory");
    *cap = x0;
    *info = x1;
    mr[0] = x2;
    mr[1] = x3;
    mr[2] = x4;
    mr[3] = x5;
}

/* The first message registers of the IPC buffer; the kernel takes as many as the message is long. */
LIBSEL4_INLINE_FUNC void seL4_LoadMRs(seL4_Word mr[4])
{
    for (int i = 0; i < seL4_FastMessageRegisters; i++) {
        mr[i] = seL4_GetMR(i);
    }
}

/* The same from where the caller says; null pointers stand for 0. */
LIBSEL4_INLINE_FUNC void seL4_GatherMRs(seL4_Word mr[4], seL4_MessageInfo_t info, seL4_Word *mr0, seL4_Word *mr1,
                                        seL4_Word *mr2, seL4_Word *mr3)
{
    seL4_Word *const from[seL4_FastMessageRegisters] = {mr0, mr1, mr2, mr3};
    const seL4_Word length = seL4_MessageInfo_get_length(info);
    for (int i = 0; i < seL4_FastMessageRegisters; i++) {
        mr[i] = from[i] && (seL4_Word)i < length ? *from[i] : 0;
    }
}

LIBSEL4_INLINE_FUNC void seL4_StoreMRs(const seL4_Word mr[4])
{
    for (int i = 0; i < seL4_FastMessageRegisters; i++) {
        seL4_SetMR(i, mr[i]);
    }
}

LIBSEL4_INLINE_FUNC void seL4_ScatterMRs(const seL4_Word mr[4], seL4_Word *mr0, seL4_Word *mr1, seL4_Word *mr2,
                                         seL4_Word *mr3)
{
    seL4_Word *const to[seL4_FastMessageRegisters] = {mr0, mr1, mr2, mr3};
    for (int i = 0; i < seL4_FastMessageRegisters; i++) {
        if (to[i]) {
            *to[i] = mr[i];
        }
    }
}

/* A call that receives: makes it and gives the sender's badge, which may not be asked for. */
LIBSEL4_INLINE_FUNC seL4_MessageInfo_t seL4_TrapReceive(seL4_Word number, seL4_CPtr cap, seL4_MessageInfo_t info,
                                                        seL4_Word *sender, seL4_Word mr[4], seL4_Word sixth,
                                                        seL4_Word eighth)
{
    seL4_Trap(number, &cap, &info.words[0], mr, sixth, eighth);
    if (sender) {
        *sender = cap;
    }
    return info;
}

/* Invokes a method; mr is the message's beginning and the answer's. After an error the message registers, which tell
   more of it, are in the IPC buffer. */
LIBSEL4_INLINE_FUNC seL4_Error seL4_Invoke(seL4_CPtr service, seL4_Word label, seL4_Word caps, seL4_Word length,
                                           seL4_Word mr[4])
{
    const seL4_MessageInfo_t info = seL4_MessageInfo_new(label, 0, caps, length);
    const seL4_MessageInfo_t answer = seL4_TrapReceive((seL4_Word)seL4_SysCall, service, info, 0, mr, 0, 0);
    const seL4_Error error = (seL4_Error)seL4_MessageInfo_get_label(answer);
    if (error != seL4_NoError) {
        seL4_StoreMRs(mr);
    }
    return error;
}

/* A call of one argument and one result. */
LIBSEL4_INLINE_FUNC seL4_Word seL4_TrapSimple(seL4_Word number, seL4_Word argument, seL4_Word second)
{
    seL4_Word mr[4] = {0};
    seL4_Trap(number, &argument, &second, mr, 0, 0);
    return argument;
}

LIBSEL4_INLINE_FUNC void seL4_Send(seL4_CPtr dest, seL4_MessageInfo_t msgInfo)
{
    seL4_Word mr[4];
    seL4_LoadMRs(mr);
    seL4_Trap((seL4_Word)seL4_SysSend, &dest, &msgInfo.words[0], mr, 0, 0);
}

LIBSEL4_INLINE_FUNC void seL4_SendWithMRs(seL4_CPtr dest, seL4_MessageInfo_t msgInfo, seL4_Word *mr0, seL4_Word *mr1,
                                          seL4_Word *mr2, seL4_Word *mr3)
{
    seL4_Word mr[4];
    seL4_GatherMRs(mr, msgInfo, mr0, mr1, mr2, mr3);
    seL4_Trap((seL4_Word)seL4_SysSend, &dest, &msgInfo.words[0], mr, 0, 0);
}

LIBSEL4_INLINE_FUNC void seL4_NBSend(seL4_CPtr dest, seL4_MessageInfo_t msgInfo)
{
    seL4_Word mr[4];
    seL4_LoadMRs(mr);
    seL4_Trap((seL4_Word)seL4_SysNBSend, &dest, &msgInfo.words[0], mr, 0, 0);
}

LIBSEL4_INLINE_FUNC void seL4_NBSendWithMRs(seL4_CPtr dest, seL4_MessageInfo_t msgInfo, seL4_Word *mr0, seL4_Word *mr1,
                                            seL4_Word *mr2, seL4_Word *mr3)
{
    seL4_Word mr[4];
    seL4_GatherMRs(mr, msgInfo, mr0, mr1, mr2, mr3);
    seL4_Trap((seL4_Word)seL4_SysNBSend, &dest, &msgInfo.words[0], mr, 0, 0);
}

LIBSEL4_INLINE_FUNC void seL4_Signal(seL4_CPtr dest)
{
    seL4_Word mr[4] = {0};
    seL4_Word info = 0;
    seL4_Trap((seL4_Word)seL4_SysSend, &dest, &info, mr, 0, 0);
}

LIBSEL4_INLINE_FUNC seL4_MessageInfo_t seL4_Call(seL4_CPtr dest, seL4_MessageInfo_t msgInfo)
{
    seL4_Word mr[4];
    seL4_LoadMRs(mr);
    msgInfo = seL4_TrapReceive((seL4_Word)seL4_SysCall, dest, msgInfo, 0, mr, 0, 0);
    seL4_StoreMRs(mr);
    return msgInfo;
}

LIBSEL4_INLINE_FUNC seL4_MessageInfo_t seL4_CallWithMRs(seL4_CPtr dest, seL4_MessageInfo_t msgInfo, seL4_Word *mr0,
                                                        seL4_Word *mr1, seL4_Word *mr2, seL4_Word *mr3)
{
    seL4_Word mr[4];
    seL4_GatherMRs(mr, msgInfo, mr0, mr1, mr2, mr3);
    msgInfo = seL4_TrapReceive((seL4_Word)seL4_SysCall, dest, msgInfo, 0, mr, 0, 0);
    seL4_ScatterMRs(mr, mr0, mr1, mr2, mr3);
    return msgInfo;
}

/* Receives without sending, on the call `number`. */
LIBSEL4_INLINE_FUNC seL4_MessageInfo_t seL4_Receive(seL4_Word number, seL4_CPtr src, seL4_Word *sender, seL4_CPtr reply)
{
    seL4_Word mr[4] = {0};
    const seL4_MessageInfo_t none = {{0}};
    const seL4_MessageInfo_t info = seL4_TrapReceive(number, src, none, sender, mr, reply, 0);
    seL4_StoreMRs(mr);
    return info;
}

LIBSEL4_INLINE_FUNC seL4_MessageInfo_t seL4_ReceiveWithMRs(seL4_Word number, seL4_CPtr src, seL4_Word *sender,
                                                           seL4_CPtr reply, seL4_Word *mr0, seL4_Word *mr1,
                                                           seL4_Word *mr2, seL4_Word *mr3)
{
    seL4_Word mr[4] = {0};
    const seL4_MessageInfo_t none = {{0}};
    const seL4_MessageInfo_t info = seL4_TrapReceive(number, src, none, sender, mr, reply, 0);
    seL4_ScatterMRs(mr, mr0, mr1, mr2, mr3);
    return info;
}

LIBSEL4_INLINE_FUNC seL4_MessageInfo_t seL4_Recv(seL4_CPtr src, seL4_Word *sender, seL4_CPtr reply)
{
    return seL4_Receive((seL4_Word)seL4_SysRecv, src, sender, reply);
}

LIBSEL4_INLINE_FUNC seL4_MessageInfo_t seL4_RecvWithMRs(seL4_CPtr src, seL4_Word *sender, seL4_CPtr reply,
                                                        seL4_Word *mr0, seL4_Word *mr1, seL4_Word *mr2, seL4_Word *mr3)
{
    return seL4_ReceiveWithMRs((seL4_Word)seL4_SysRecv, src, sender, reply, mr0, mr1, mr2, mr3);
}

LIBSEL4_INLINE_FUNC seL4_MessageInfo_t seL4_NBRecv(seL4_CPtr src, seL4_Word *sender, seL4_CPtr reply)
{
    return seL4_Receive((seL4_Word)seL4_SysNBRecv, src, sender, reply);
}

LIBSEL4_INLINE_FUNC seL4_MessageInfo_t seL4_Wait(seL4_CPtr src, seL4_Word *sender)
{
    return seL4_Receive((seL4_Word)seL4_SysWait, src, sender, 0);
}

LIBSEL4_INLINE_FUNC seL4_MessageInfo_t seL4_WaitWithMRs(seL4_CPtr src, seL4_Word *sender, seL4_Word *mr0,
                                                        seL4_Word *mr1, seL4_Word *mr2, seL4_Word *mr3)
{
    return seL4_ReceiveWithMRs((seL4_Word)seL4_SysWait, src, sender, 0, mr0, mr1, mr2, mr3);
}

LIBSEL4_INLINE_FUNC seL4_MessageInfo_t seL4_NBWait(seL4_CPtr src, seL4_Word *sender)
{
    return seL4_Receive((seL4_Word)seL4_SysNBWait, src, sender, 0);
}

LIBSEL4_INLINE_FUNC seL4_MessageInfo_t seL4_Poll(seL4_CPtr src, seL4_Word *sender)
{
    return seL4_NBWait(src, sender);
}

LIBSEL4_INLINE_FUNC seL4_MessageInfo_t seL4_ReplyRecv(seL4_CPtr src, seL4_MessageInfo_t msgInfo, seL4_Word *sender,
                                                      seL4_CPtr reply)
{
    seL4_Word mr[4];
    seL4_LoadMRs(mr);
    msgInfo = seL4_TrapReceive((seL4_Word)seL4_SysReplyRecv, src, msgInfo, sender, mr, reply, 0);
    seL4_StoreMRs(mr);
    return msgInfo;
}

LIBSEL4_INLINE_FUNC seL4_MessageInfo_t seL4_ReplyRecvWithMRs(seL4_CPtr src, seL4_MessageInfo_t msgInfo,
                                                             seL4_Word *sender, seL4_Word *mr0, seL4_Word *mr1,
                                                             seL4_Word *mr2, seL4_Word *mr3, seL4_CPtr reply)
{
    seL4_Word mr[4];
    seL4_GatherMRs(mr, msgInfo, mr0, mr1, mr2, mr3);
    msgInfo = seL4_TrapReceive((seL4_Word)seL4_SysReplyRecv, src, msgInfo, sender, mr, reply, 0);
    seL4_ScatterMRs(mr, mr0, mr1, mr2, mr3);
    return msgInfo;
}

/* The destination of the sending half is x8 here, and x6 in NBSendWait. */
LIBSEL4_INLINE_FUNC seL4_MessageInfo_t seL4_NBSendRecv(seL4_CPtr dest, seL4_MessageInfo_t msgInfo, seL4_CPtr src,
                                                       seL4_Word *sender, seL4_CPtr reply)
{
    seL4_Word mr[4];
    seL4_LoadMRs(mr);
    msgInfo = seL4_TrapReceive((seL4_Word)seL4_SysNBSendRecv, src, msgInfo, sender, mr, reply, dest);
    seL4_StoreMRs(mr);
    return msgInfo;
}

LIBSEL4_INLINE_FUNC seL4_MessageInfo_t seL4_NBSendRecvWithMRs(seL4_CPtr dest, seL4_MessageInfo_t msgInfo, seL4_CPtr src,
                                                              seL4_Word *sender, seL4_Word *mr0, seL4_Word *mr1,
                                                              seL4_Word *mr2, seL4_Word *mr3, seL4_CPtr reply)
{
    seL4_Word mr[4];
    seL4_GatherMRs(mr, msgInfo, mr0, mr1, mr2, mr3);
    msgInfo = seL4_TrapReceive((seL4_Word)seL4_SysNBSendRecv, src, msgInfo, sender, mr, reply, dest);
    seL4_ScatterMRs(mr, mr0, mr1, mr2, mr3);
    return msgInfo;
}

LIBSEL4_INLINE_FUNC seL4_MessageInfo_t seL4_NBSendWait(seL4_CPtr dest, seL4_MessageInfo_t msgInfo, seL4_CPtr src,
                                                       seL4_Word *sender)
{
    seL4_Word mr[4];
    seL4_LoadMRs(mr);
    msgInfo = seL4_TrapReceive((seL4_Word)seL4_SysNBSendWait, src, msgInfo, sender, mr, dest, 0);
    seL4_StoreMRs(mr);
    return msgInfo;
}

LIBSEL4_INLINE_FUNC seL4_MessageInfo_t seL4_NBSendWaitWithMRs(seL4_CPtr dest, seL4_MessageInfo_t msgInfo, seL4_CPtr src,
                                                              seL4_Word *sender, seL4_Word *mr0, seL4_Word *mr1,
                                                              seL4_Word *mr2, seL4_Word *mr3)
{
    seL4_Word mr[4];
    seL4_GatherMRs(mr, msgInfo, mr0, mr1, mr2, mr3);
    msgInfo = seL4_TrapReceive((seL4_Word)seL4_SysNBSendWait, src, msgInfo, sender, mr, dest, 0);
    seL4_ScatterMRs(mr, mr0, mr1, mr2, mr3);
    return msgInfo;
}

LIBSEL4_INLINE_FUNC void seL4_Yield(void)
{
    seL4_TrapSimple((seL4_Word)seL4_SysYield, 0, 0);
}

#ifdef CONFIG_PRINTING
LIBSEL4_INLINE_FUNC void seL4_DebugPutChar(char c)
{
    seL4_TrapSimple((seL4_Word)seL4_SysDebugPutChar, (seL4_Word)c, 0);
}

LIBSEL4_INLINE_FUNC void seL4_DebugPutString(char *text)
{
    for (; *text; text++) {
        seL4_DebugPutChar(*text);
    }
}

LIBSEL4_INLINE_FUNC void seL4_DebugDumpScheduler(void)
{
    seL4_TrapSimple((seL4_Word)seL4_SysDebugDumpScheduler, 0, 0);
}
#endif

#ifdef CONFIG_DEBUG_BUILD
LIBSEL4_INLINE_FUNC void seL4_DebugHalt(void)
{
    seL4_TrapSimple((seL4_Word)seL4_SysDebugHalt, 0, 0);
}

LIBSEL4_INLINE_FUNC void seL4_DebugSnapshot(void)
{
    seL4_TrapSimple((seL4_Word)seL4_SysDebugSnapshot, 0, 0);
}

LIBSEL4_INLINE_FUNC seL4_Uint32 seL4_DebugCapIdentify(seL4_CPtr cap)
{
    return (seL4_Uint32)seL4_TrapSimple((seL4_Word)seL4_SysDebugCapIdentify, cap, 0);
}

/* The name is a string in the IPC buffer's message. */
LIBSEL4_INLINE_FUNC void seL4_DebugNameThread(seL4_CPtr tcb, const char *name)
{
    char *const to = (char *)seL4_GetIPCBuffer()->msg;
    seL4_Word i = 0;
    for (; name[i] && i < seL4_MsgMaxLength * sizeof(seL4_Word) - 1; i++) {
        to[i] = name[i];
    }
    to[i] = 0;
    seL4_TrapSimple((seL4_Word)seL4_SysDebugNameThread, tcb, 0);
}

#ifdef CONFIG_ENABLE_SMP_SUPPORT
LIBSEL4_INLINE_FUNC seL4_Word seL4_DebugGetThreadAffinity(seL4_CPtr tcb)
{
    return seL4_TrapSimple((seL4_Word)seL4_SysDebugGetThreadAffinity, tcb, 0);
}

LIBSEL4_INLINE_FUNC void seL4_DebugSendIPI(seL4_Uint8 target, unsigned irq)
{
    seL4_TrapSimple((seL4_Word)seL4_SysDebugSendIPI, target, irq);
}
#endif
#endif

#ifdef CONFIG_ENABLE_BENCHMARKS
LIBSEL4_INLINE_FUNC seL4_Error seL4_BenchmarkResetLog(void)
{
    return (seL4_Error)seL4_TrapSimple((seL4_Word)seL4_SysBenchmarkResetLog, 0, 0);
}

LIBSEL4_INLINE_FUNC seL4_Word seL4_BenchmarkFinalizeLog(void)
{
    return seL4_TrapSimple((seL4_Word)seL4_SysBenchmarkFinalizeLog, 0, 0);
}

LIBSEL4_INLINE_FUNC seL4_Error seL4_BenchmarkSetLogBuffer(seL4_Word frame)
{
    return (seL4_Error)seL4_TrapSimple((seL4_Word)seL4_SysBenchmarkSetLogBuffer, frame, 0);
}

LIBSEL4_INLINE_FUNC void seL4_BenchmarkNullSyscall(void)
{
    seL4_TrapSimple((seL4_Word)seL4_SysBenchmarkNullSyscall, 0, 0);
}

LIBSEL4_INLINE_FUNC void seL4_BenchmarkFlushCaches(void)
{
    seL4_TrapSimple((seL4_Word)seL4_SysBenchmarkFlushCaches, 0, 0);
}

LIBSEL4_INLINE_FUNC void seL4_BenchmarkFlushL1Caches(seL4_Word type)
{
    seL4_TrapSimple((seL4_Word)seL4_SysBenchmarkFlushCaches, 1, type);
}

#ifdef CONFIG_BENCHMARK_TRACK_UTILISATION
LIBSEL4_INLINE_FUNC void seL4_BenchmarkGetThreadUtilisation(seL4_Word tcb)
{
    seL4_TrapSimple((seL4_Word)seL4_SysBenchmarkGetThreadUtilisation, tcb, 0);
}

LIBSEL4_INLINE_FUNC void seL4_BenchmarkResetThreadUtilisation(seL4_Word tcb)
{
    seL4_TrapSimple((seL4_Word)seL4_SysBenchmarkResetThreadUtilisation, tcb, 0);
}
#endif
#endif
