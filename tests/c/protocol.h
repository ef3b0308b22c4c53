/* What the protection domains of the C test system say to each other. */
#pragma once

/* Labels of protected calls. */
enum {
    /* To a server: answer with the label and all words one higher. */
    ECHO = 0x10,
    /* From the child to its parent: word 0 says how often it has started, word 1 is its entry point. */
    STARTED = 0x30,
};

/* Where the child faults when it is told to. */
#define CHILD_FAULT_ADDRESS 0xdead0000ul
