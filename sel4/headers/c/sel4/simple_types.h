/* Integers and words. SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <sel4/config.h>
#include <sel4/macros.h>

typedef signed char seL4_Int8;
typedef unsigned char seL4_Uint8;
typedef signed short seL4_Int16;
typedef unsigned short seL4_Uint16;
typedef signed int seL4_Int32;
typedef unsigned int seL4_Uint32;
typedef signed long seL4_Int64;
typedef unsigned long seL4_Uint64;

/* A machine word, and an address in a CSpace. */
typedef seL4_Uint64 seL4_Word;
typedef seL4_Word seL4_CPtr;

typedef seL4_Int8 seL4_Bool;
#define seL4_True 1
#define seL4_False 0

#if defined(__cplusplus)
#define seL4_Null 0l
#else
#define seL4_Null ((void *)0)
#endif

/* For printf. */
#define SEL4_PRId64 "ld"
#define SEL4_PRIi64 "li"
#define SEL4_PRIu64 "lu"
#define SEL4_PRIx64 "lx"
#define SEL4_PRId_word SEL4_PRId64
#define SEL4_PRIi_word SEL4_PRIi64
#define SEL4_PRIu_word SEL4_PRIu64
#define SEL4_PRIx_word SEL4_PRIx64
#define SEL4_PRI_word SEL4_PRIu_word
