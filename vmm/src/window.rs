//! Registers that are far away and come only as a prefix of a fixed order: which of them are known here, and which have
//! to be written back.

/// A copy of registers that are elsewhere.
pub trait RegisterFile {
    /// Why registers could not be moved.
    type Error;

    /// The copy.
    fn words(&mut self) -> &mut [u64];

    /// Brings the first `count` registers here.
    fn fetch(&mut self, count: usize) -> Result<(), Self::Error>;

    /// Sends the first `count` registers back.
    fn store(&mut self, count: usize) -> Result<(), Self::Error>;
}

/// The part of a register file that is known here. Each fetch and each store is a system call, so there are as few of them
/// as can be.
pub struct Window<F> {
    file: F,
    /// So many registers are known.
    known: usize,
    /// So many have to be written back; all of them are known.
    changed: usize,
    /// A fetch brings so many at least.
    least: usize,
}

impl<F: RegisterFile> Window<F> {
    /// Nothing of `file` is known. A fetch brings at least the first `least` registers.
    pub const fn new(file: F, least: usize) -> Self {
        Self { file, known: 0, changed: 0, least }
    }

    /// The first `known` registers are right, nothing else is, and nothing has to be written back.
    pub fn begin(&mut self, known: usize) -> &mut F {
        self.known = known;
        self.changed = 0;
        &mut self.file
    }

    /// The file with its copy.
    pub const fn file(&self) -> &F {
        &self.file
    }

    /// The copy, as far as it is known.
    pub fn words(&mut self) -> &mut [u64] {
        self.file.words()
    }

    /// Register `index`.
    pub fn get(&mut self, index: usize) -> Result<u64, F::Error> {
        self.learn(index + 1)?;
        Ok(self.file.words()[index])
    }

    /// Sets register `index`.
    pub fn set(&mut self, index: usize, value: u64) -> Result<(), F::Error> {
        self.learn(index)?;
        self.file.words()[index] = value;
        self.known = self.known.max(index + 1);
        self.changed = self.changed.max(index + 1);
        Ok(())
    }

    /// How many registers have to be written back.
    pub const fn changed(&self) -> usize {
        self.changed
    }

    /// Writes back what has changed.
    pub fn write_back(&mut self) -> Result<(), F::Error> {
        if self.changed != 0 {
            self.file.store(self.changed)?;
            self.changed = 0;
        }
        Ok(())
    }

    /// What has changed is written back in another way, or by nobody.
    pub fn forget(&mut self) {
        self.changed = 0;
    }

    /// Makes the first `count` registers known.
    fn learn(&mut self, count: usize) -> Result<(), F::Error> {
        if count > self.known {
            let count = count.max(self.least);
            // A fetch overwrites the copy.
            self.write_back()?;
            self.file.fetch(count)?;
            self.known = count;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::convert::Infallible;
    use proptest::prelude::*;

    const REGISTERS: usize = 20;
    const LEAST: usize = 5;

    /// Registers that count how often they are moved.
    struct Far {
        there: [u64; REGISTERS],
        here: [u64; REGISTERS],
        moves: usize,
    }

    impl RegisterFile for Far {
        type Error = Infallible;

        fn words(&mut self) -> &mut [u64] {
            &mut self.here
        }

        fn fetch(&mut self, count: usize) -> Result<(), Infallible> {
            self.here[..count].copy_from_slice(&self.there[..count]);
            self.moves += 1;
            Ok(())
        }

        fn store(&mut self, count: usize) -> Result<(), Infallible> {
            self.there[..count].copy_from_slice(&self.here[..count]);
            self.moves += 1;
            Ok(())
        }
    }

    fn window() -> Window<Far> {
        let there = core::array::from_fn(|n| 100 + n as u64);
        Window::new(Far { there, here: [0; REGISTERS], moves: 0 }, LEAST)
    }

    #[test]
    fn a_load_and_the_next_instruction_take_one_fetch_and_one_store() {
        let mut window = window();
        window.begin(1).here[0] = 100; // the fault has told the program counter
        window.set(9, 7).unwrap();
        let pc = window.get(0).unwrap();
        window.set(0, pc + 4).unwrap();
        window.write_back().unwrap();
        assert_eq!((window.file().there[9], window.file().there[0], window.file().moves), (7, 104, 2));
    }

    #[test]
    fn what_is_forgotten_is_not_written() {
        let mut window = window();
        window.set(3, 7).unwrap();
        window.forget();
        window.write_back().unwrap();
        assert_eq!(window.file().there[3], 103);
    }

    proptest! {
        /// It is as if the registers were here.
        #[test]
        fn it_reads_and_writes_like_the_registers_themselves(
            steps in prop::collection::vec((0..REGISTERS, any::<u64>(), 0..4u8), 0..60),
        ) {
            let mut window = window();
            let mut model = window.file().there;
            for (index, value, action) in steps {
                match action {
                    0 => prop_assert_eq!(window.get(index).unwrap(), model[index]),
                    1 | 2 => {
                        window.set(index, value).unwrap();
                        model[index] = value;
                    }
                    _ => {
                        window.write_back().unwrap();
                        prop_assert_eq!(window.file().there, model);
                        window.begin(0);
                    }
                }
            }
            window.write_back().unwrap();
            prop_assert_eq!(window.file().there, model);
        }
    }
}
