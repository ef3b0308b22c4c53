//! What a root task's main function may return.

use core::fmt;

/// The return type of a main function: it never returns, or with an error.
pub trait Termination {
    /// The error that is told when it ends.
    type Error: fmt::Debug;

    /// The error.
    fn report(self) -> Self::Error;
}

/// No value: what a main function returns that ends with errors only, as in `Result<Never, E>`.
#[derive(Debug, Copy, Clone, PartialOrd, Ord, PartialEq, Eq, Hash)]
pub enum Never {}

impl fmt::Display for Never {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

mod never {
    /// Names the type `!`, which stable Rust lets only function types mention.
    pub trait Returns {
        type Type;
    }

    impl<T> Returns for fn() -> T {
        type Type = T;
    }
}

type Bang = <fn() -> ! as never::Returns>::Type;

impl Termination for Bang {
    type Error = Self;

    fn report(self) -> Self {
        self
    }
}

impl Termination for Never {
    type Error = Self;

    fn report(self) -> Self {
        self
    }
}

impl<E: fmt::Debug> Termination for Result<Bang, E> {
    type Error = E;

    fn report(self) -> E {
        let Err(error) = self;
        error
    }
}

impl<E: fmt::Debug> Termination for Result<Never, E> {
    type Error = E;

    fn report(self) -> E {
        let Err(error) = self;
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_reported() {
        fn main() -> Result<Never, sel4::Error> {
            Err(sel4::Error::RangeError)
        }
        assert_eq!(main().report(), sel4::Error::RangeError);
    }

    #[test]
    fn functions_that_never_return_are_main_functions() {
        const fn is_main<T: Termination>(_: fn() -> T) {}
        fn endless() -> ! {
            panic!("it has")
        }
        is_main(endless);
    }
}
