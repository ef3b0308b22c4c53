/* Assertions. libmicrokit has a weak __assert_fail, which says what failed and ends the protection domain.
   SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <sel4/macros.h>

#if defined(__cplusplus)
extern "C" {
#endif
void __assert_fail(const char *condition, const char *file, int line, const char *function);
#if defined(__cplusplus)
}
#endif

#define seL4_Fail(message) __assert_fail(message, __FILE__, __LINE__, __func__)
#define seL4_Assert(condition) ((condition) ? (void)0 : __assert_fail(#condition, __FILE__, __LINE__, __func__))
#define seL4_CompileTimeAssert(condition) SEL4_COMPILE_ASSERT(seL4_CompileTimeAssert, condition)

#ifdef NDEBUG
#define seL4_DebugAssert(condition) ((void)0)
#else
#define seL4_DebugAssert(condition) seL4_Assert(condition)
#endif
