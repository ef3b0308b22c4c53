/* Prints PASS, FAIL and DONE on the UART, so that a system can be tested without a debug kernel. */
#pragma once

#include <stdint.h>

/* PL011: data register and flags. */
#define UART_DR 0x00
#define UART_FR 0x18
#define UART_FR_TXFF (1u << 5)

static uintptr_t report_uart;
static unsigned report_passed;
static unsigned report_failed;

static inline void report_text(const char *text)
{
    for (; *text; text++) {
        while (*(volatile uint32_t *)(report_uart + UART_FR) & UART_FR_TXFF) {
        }
        *(volatile uint32_t *)(report_uart + UART_DR) = (uint8_t)*text;
    }
}

static inline void report_number(uint64_t number)
{
    char digits[21];
    char *first = &digits[sizeof(digits) - 1];
    *first = 0;
    do {
        *--first = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    report_text(first);
}

static inline void check_equal(const char *what, uint64_t result, uint64_t expected)
{
    const int right = result == expected;
    report_passed += right;
    report_failed += !right;
    report_text(right ? "PASS c: " : "FAIL c: ");
    report_text(what);
    if (!right) {
        report_text(": ");
        report_number(result);
        report_text(", expected ");
        report_number(expected);
    }
    report_text("\n");
}

static inline void report_done(void)
{
    report_text("DONE c: ");
    report_number(report_passed);
    report_text(" passed, ");
    report_number(report_failed);
    report_text(" failed\n");
}
