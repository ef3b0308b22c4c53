//! What a protection domain with a channel to the supervisor may ask by a protected call. Word 0 is the child's id.

/// Label: stop the child, whatever it does, and start it anew; also one that was given up.
pub const RESTART: u64 = 1;
/// Label: how is the child? Answered by the number of its restarts, and 1 if it runs, 0 if it was given up.
pub const STATUS: u64 = 2;

/// Label of an answer: it is done.
pub const DONE: u64 = 0;
/// Label of an answer: there is no such child, or no such request.
pub const REFUSED: u64 = 1;
