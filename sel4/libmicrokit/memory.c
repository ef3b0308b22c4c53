/* What a freestanding compiler calls by itself, for programs that do not bring their own.
   SPDX-License-Identifier: BSD-2-Clause */

typedef __SIZE_TYPE__ size_t;

__attribute__((weak)) void *memset(void *to, int value, size_t length)
{
    unsigned char *bytes = to;
    for (size_t i = 0; i < length; i++) {
        bytes[i] = (unsigned char)value;
    }
    return to;
}

__attribute__((weak)) void *memcpy(void *restrict to, const void *restrict from, size_t length)
{
    unsigned char *target = to;
    const unsigned char *source = from;
    for (size_t i = 0; i < length; i++) {
        target[i] = source[i];
    }
    return to;
}

__attribute__((weak)) void *memmove(void *to, const void *from, size_t length)
{
    unsigned char *target = to;
    const unsigned char *source = from;
    if (target <= source) {
        for (size_t i = 0; i < length; i++) {
            target[i] = source[i];
        }
    } else {
        for (size_t i = length; i > 0; i--) {
            target[i - 1] = source[i - 1];
        }
    }
    return to;
}

__attribute__((weak)) int memcmp(const void *left, const void *right, size_t length)
{
    const unsigned char *a = left;
    const unsigned char *b = right;
    for (size_t i = 0; i < length; i++) {
        if (a[i] != b[i]) {
            return a[i] < b[i] ? -1 : 1;
        }
    }
    return 0;
}
