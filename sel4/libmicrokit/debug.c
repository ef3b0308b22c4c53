/* The debug console, and what a protection domain says at its end. SPDX-License-Identifier: BSD-2-Clause */

#include <microkit.h>

void microkit_dbg_putc(int character)
{
#ifdef CONFIG_PRINTING
    seL4_DebugPutChar((char)character);
#else
    (void)character;
#endif
}

void microkit_dbg_puts(const char *text)
{
    for (; *text; text++) {
        microkit_dbg_putc(*text);
    }
}

void microkit_dbg_put32(seL4_Uint32 number)
{
    /* 4294967295 and the end. */
    char digits[11];
    char *first = &digits[sizeof(digits) - 1];
    *first = 0;
    do {
        *--first = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    microkit_dbg_puts(first);
}

void microkit_dbg_put8(seL4_Uint8 number)
{
    microkit_dbg_put32(number);
}

/* Begins a line of which everybody sees whose it is. */
static void say(const char *what)
{
    microkit_dbg_puts(microkit_name);
    microkit_dbg_puts(": ");
    microkit_dbg_puts(what);
}

static __attribute__((noreturn)) void end(seL4_Error error)
{
    for (;;) {
        microkit_internal_crash(error);
    }
}

void microkit_internal_bad_channel(const char *function, microkit_channel channel)
{
    say(function);
    microkit_dbg_puts(": not valid for channel ");
    microkit_dbg_put32(channel);
    microkit_dbg_puts("\n");
}

void microkit_internal_refused(const char *function, seL4_Error error)
{
    say(function);
    microkit_dbg_puts(": the kernel refused with error ");
    microkit_dbg_put32((seL4_Uint32)error);
    microkit_dbg_puts("\n");
    end(error);
}

__attribute__((weak)) microkit_msginfo protected(microkit_channel channel, microkit_msginfo message)
{
    (void)channel;
    (void)message;
    say("called, but has no function `protected`\n");
    end(seL4_NoError);
}

__attribute__((weak)) seL4_Bool fault(microkit_child child, microkit_msginfo message, microkit_msginfo *reply)
{
    (void)child;
    (void)message;
    (void)reply;
    say("a child has faulted, but there is no function `fault`\n");
    end(seL4_NoError);
}

__attribute__((weak)) void __assert_fail(const char *condition, const char *file, int line, const char *function)
{
    say(file);
    microkit_dbg_puts(":");
    microkit_dbg_put32((seL4_Uint32)line);
    microkit_dbg_puts(": ");
    microkit_dbg_puts(function);
    microkit_dbg_puts(": assertion failed: ");
    microkit_dbg_puts(condition);
    microkit_dbg_puts("\n");
    end(seL4_NoError);
}
