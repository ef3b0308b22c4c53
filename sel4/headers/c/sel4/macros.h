/* Attributes and assertions that the other headers use. SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#ifndef CONST
#define CONST __attribute__((__const__))
#endif
#ifndef PURE
#define PURE __attribute__((__pure__))
#endif

#define SEL4_PACKED __attribute__((packed))
#define SEL4_DEPRECATED(advice) __attribute__((deprecated(advice)))
#define LIBSEL4_UNUSED __attribute__((unused))
#define LIBSEL4_WEAK __attribute__((weak))
#define LIBSEL4_NOINLINE __attribute__((noinline))

/* Every function of these headers is inline, whatever the options say. */
#define LIBSEL4_INLINE static inline
#define LIBSEL4_INLINE_FUNC static inline
/* The IPC buffer's address is one variable for the whole address space. */
#define LIBSEL4_THREAD_LOCAL

#if defined(__cplusplus)
#define SEL4_COMPILE_ASSERT(name, condition) static_assert(condition, #name);
#else
#define SEL4_COMPILE_ASSERT(name, condition) _Static_assert(condition, #name);
#endif

/* Makes an enumeration as wide as a word. */
#define SEL4_FORCE_LONG_ENUM(type) _enum_pad_##type = ~(1ull << 63)

#define LIBSEL4_BIT(n) (1ul << (n))
