/* Which translation table is missing when mapping fails. SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <sel4/functions.h>

/* The message register that says so after seL4_FailedLookup: bits of the address that were left to translate. */
#define SEL4_MAPPING_LOOKUP_LEVEL 2
#define SEL4_MAPPING_LOOKUP_NO_PT 21
#define SEL4_MAPPING_LOOKUP_NO_PD 30
#define SEL4_MAPPING_LOOKUP_NO_PUD 39

LIBSEL4_INLINE_FUNC seL4_Word seL4_MappingFailedLookupLevel(void)
{
    return seL4_GetMR(SEL4_MAPPING_LOOKUP_LEVEL);
}
