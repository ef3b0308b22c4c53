//! Messages to a native program: it shares memory with the guest, and the guest signals it. No monitor has a part in it.

use ivc::guest::{Refused, Words, signal};
use ivc::mailbox::Post;
use smccc::Hvc;

use crate::tree::Tree;

/// The guest's end.
pub struct Answers {
    post: Post<'static>,
    channel: u64,
}

impl Answers {
    /// Those to the program that the command line names, as `answers=REGION:CHANNEL`: the region's name, and the guest's channel to the
    /// program. `None`: there is none. Call it once, and [translate addresses](crate::memory) before.
    #[must_use]
    pub fn open(tree: &Tree<'_>) -> Option<Self> {
        let (shared, channel) = tree.line("answers")?;
        // SAFETY: addresses are translated, and only this uses it.
        let region = unsafe { shared.memory() }?;
        Some(Self { post: Post::attach(region).ok()?, channel })
    }

    /// The channel through which the program's own messages come.
    #[must_use]
    pub fn channel(&self) -> u64 {
        self.channel
    }

    /// Sends a message.
    ///
    /// # Errors
    /// The program has not taken those before, or the guest may not signal it.
    pub fn send(&mut self, message: Words) -> Result<(), Refused> {
        if self.post.send(message)? { signal::<Hvc>(self.channel) } else { Ok(()) }
    }
}
