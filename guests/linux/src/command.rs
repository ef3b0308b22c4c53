//! What is asked for on the command line.

use ivc::text::{Request, channel, number};

/// What `ivc` explains.
pub const USAGE: &str = "\
ivc send CHANNEL A B C               sends three words
ivc broadcast A B C                  sends them through all channels for that
ivc signal CHANNEL                   signals
ivc receive [-t SECONDS] [CHANNEL]   waits for a message or signal, and takes it
ivc listen [-t SECONDS] [CHANNEL]    the same again and again
Words are decimal or, with 0x, hexadecimal. It ends with
0 done, 1 no port, 2 not understood, 3 busy, 4 no such right, 5 nothing came.
";

/// Longest patience that is taken, in seconds.
const LONGEST: u64 = 1_000_000;

/// A command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// To explain itself.
    Help,
    /// To have something done, and tell how that went.
    Ask(Request),
    /// To take what comes.
    Take {
        /// Through this channel, or any.
        channel: Option<u8>,
        /// Milliseconds for which it waits at most.
        patience: Option<u64>,
        /// Whether it goes on after the first.
        all: bool,
    },
}

/// Why a command line is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong<'a> {
    /// Nothing is asked for.
    Nothing,
    /// There is no such verb, or option.
    Unknown(&'a str),
    /// What should stand there is missing.
    Missing(&'static str),
    /// This is not what should stand there.
    IsNo(&'static str, &'a str),
    /// This is too much.
    TooMuch(&'a str),
}

impl core::fmt::Display for Wrong<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Nothing => f.write_str("what is to be done?"),
            Self::Unknown(word) => write!(f, "`{word}` is not known"),
            Self::Missing(what) => write!(f, "{what} is missing"),
            Self::IsNo(what, word) => write!(f, "`{word}` is not {what}"),
            Self::TooMuch(word) => write!(f, "`{word}` is too much"),
        }
    }
}

const CHANNEL: &str = "a channel, 0 to 63";
const WORD: &str = "a word of 64 bits";
const SECONDS: &str = "a number of seconds";

/// The words that are left.
struct Words<I>(I);

impl<'a, I: Iterator<Item = &'a str>> Words<I> {
    fn next<T>(&mut self, what: &'static str, read: impl FnOnce(&str) -> Option<T>) -> Result<T, Wrong<'a>> {
        let word = self.0.next().ok_or(Wrong::Missing(what))?;
        read(word).ok_or(Wrong::IsNo(what, word))
    }

    fn channel(&mut self) -> Result<u8, Wrong<'a>> {
        self.next(CHANNEL, channel)
    }

    fn message(&mut self) -> Result<ivc::guest::Words, Wrong<'a>> {
        Ok([self.next(WORD, number)?, self.next(WORD, number)?, self.next(WORD, number)?])
    }

    /// `[-t SECONDS] [CHANNEL]`
    fn take(&mut self, all: bool) -> Result<Command, Wrong<'a>> {
        let (mut of, mut patience) = (None, None);
        while let Some(word) = self.0.next() {
            match word {
                "-t" => patience = Some(1000 * self.next(SECONDS, |word| number(word).filter(|&n| n <= LONGEST))?),
                option if option.starts_with('-') => return Err(Wrong::Unknown(option)),
                _ if of.is_some() => return Err(Wrong::TooMuch(word)),
                _ => of = Some(channel(word).ok_or(Wrong::IsNo(CHANNEL, word))?),
            }
        }
        Ok(Command::Take { channel: of, patience, all })
    }
}

impl Command {
    /// Reads a command line, without the program's name.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse<'a>(arguments: impl Iterator<Item = &'a str>) -> Result<Self, Wrong<'a>> {
        let mut words = Words(arguments);
        let command = match words.0.next().ok_or(Wrong::Nothing)? {
            "help" | "-h" | "--help" => Self::Help,
            "send" => Self::Ask(Request::Send(words.channel()?, words.message()?)),
            "broadcast" => Self::Ask(Request::Broadcast(words.message()?)),
            "signal" => Self::Ask(Request::Signal(words.channel()?)),
            "receive" => words.take(false)?,
            "listen" => words.take(true)?,
            verb => return Err(Wrong::Unknown(verb)),
        };
        words.0.next().map_or(Ok(command), |word| Err(Wrong::TooMuch(word)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Command, Wrong<'_>> {
        Command::parse(line.split_whitespace())
    }

    #[test]
    fn commands_are_understood() {
        assert_eq!(parse("send 3 1 0x10 3"), Ok(Command::Ask(Request::Send(3, [1, 16, 3]))));
        assert_eq!(parse("broadcast 1 2 3"), Ok(Command::Ask(Request::Broadcast([1, 2, 3]))));
        assert_eq!(parse("signal 63"), Ok(Command::Ask(Request::Signal(63))));
        assert_eq!(parse("receive"), Ok(Command::Take { channel: None, patience: None, all: false }));
        let both = Ok(Command::Take { channel: Some(4), patience: Some(2000), all: true });
        assert_eq!((parse("listen 4 -t 2"), parse("listen -t 2 4")), (both, both));
        assert_eq!((parse("help"), parse("--help")), (Ok(Command::Help), Ok(Command::Help)));
    }

    #[test]
    fn what_is_wrong_is_told() {
        let cases = [
            ("", Wrong::Nothing),
            ("sned 1 2 3 4", Wrong::Unknown("sned")),
            ("send", Wrong::Missing(CHANNEL)),
            ("send 0 1 2", Wrong::Missing(WORD)),
            ("send 64 1 2 3", Wrong::IsNo(CHANNEL, "64")),
            ("send 0 1 -2 3", Wrong::IsNo(WORD, "-2")),
            ("send 0 1 2 0x10000000000000000", Wrong::IsNo(WORD, "0x10000000000000000")),
            ("send 0 1 2 3 4", Wrong::TooMuch("4")),
            ("receive 1 2", Wrong::TooMuch("2")),
            ("receive -x", Wrong::Unknown("-x")),
            ("receive -t", Wrong::Missing(SECONDS)),
            ("receive -t soon", Wrong::IsNo(SECONDS, "soon")),
            ("receive -t 18446744073709551615", Wrong::IsNo(SECONDS, "18446744073709551615")),
        ];
        for (line, wrong) in cases {
            assert_eq!(parse(line), Err(wrong), "{line}");
        }
    }
}
