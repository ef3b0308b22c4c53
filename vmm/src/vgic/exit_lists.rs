//! List registers that come with an exit and go with its answer, where the kernel offers that: no system call is needed for each
//! one that is looked at or changed meanwhile.
//!
//! What the kernel itself may fill between the exit and the answer cannot go that way: such a register is read and written
//! at once.

use super::{ListRegister, bank::bits};

/// Where the kernel tells list registers and takes them from.
pub trait Page {
    /// The list registers that exits tell, a bit each; at first none.
    fn told(&self) -> u16;

    /// Sets [`told`](Self::told), for the exits that come from now on.
    fn set_told(&mut self, lists: u16);

    /// The list registers that were set and that no answer has taken, a bit each.
    fn written(&self) -> u16;

    /// List register `index`, if the exit told it or it has been set since.
    fn get(&self, index: usize) -> u64;

    /// Sets list register `index`, for the answer to take.
    fn set(&mut self, index: usize, value: u64);

    /// The answer is not to take these.
    fn forget_written(&mut self, lists: u16);
}

/// The list registers of the vCPU whose exit is being handled.
pub struct ExitLists<P> {
    page: P,
    /// That vCPU.
    vcpu: Option<usize>,
    /// What the page has of it.
    known: u16,
    /// Registers that the kernel fills by itself.
    kernels: u16,
}

impl<P: Page> ExitLists<P> {
    /// Of no exit yet.
    pub const fn new(page: P) -> Self {
        Self { page, vcpu: None, known: 0, kernels: 0 }
    }

    /// An exit of this vCPU is handled from now on.
    pub fn begin(&mut self, vcpu: usize) {
        self.vcpu = Some(vcpu);
        self.known = self.page.told() & !self.kernels;
    }

    /// It is handled: what was written goes with the answer.
    pub fn end(&mut self) {
        self.vcpu = None;
    }

    /// Whether an exit of this vCPU is being handled.
    pub fn is_exiting(&self, vcpu: usize) -> bool {
        self.vcpu == Some(vcpu)
    }

    /// The list register, if it came with the exit.
    pub fn read(&mut self, vcpu: usize, index: usize) -> Option<ListRegister> {
        if !self.is_exiting(vcpu) || self.known & 1 << index == 0 {
            return None;
        }
        let value = ListRegister::from_bits(self.page.get(index));
        self.want(index, !value.is_empty());
        Some(value)
    }

    /// Changes the list register with the answer. False: it must be changed at once.
    pub fn write(&mut self, vcpu: usize, index: usize, value: ListRegister) -> bool {
        let bit = 1 << index;
        if self.kernels & bit != 0 {
            return false;
        }
        // The guest will change it: the next exit is to tell how.
        self.want(index, !value.is_empty());
        if !self.is_exiting(vcpu) {
            return false;
        }
        self.page.set(index, value.bits());
        self.known |= bit;
        true
    }

    /// What is empty once the answer has been taken, of a vCPU of which `empty` is now.
    pub fn empty(&self, vcpu: usize, empty: u16) -> u16 {
        let written = if self.is_exiting(vcpu) { self.page.written() } else { 0 };
        bits(written.into()).fold(empty & !written, |empty, index| {
            empty | u16::from(ListRegister::from_bits(self.page.get(index)).is_empty()) << index
        })
    }

    /// The kernel will fill this register by itself from now on. What was written to it has to be written at once, before the
    /// kernel is told.
    #[must_use]
    pub fn leave_to_kernel(&mut self, index: usize) -> Option<(usize, ListRegister)> {
        let bit = 1 << index;
        if self.kernels & bit != 0 {
            return None;
        }
        self.kernels |= bit;
        self.known &= !bit;
        self.want(index, false);
        self.take(bit)
    }

    /// One that was written and that no answer will take, with its vCPU: it has to be written at once.
    #[must_use]
    pub fn take_unanswered(&mut self) -> Option<(usize, usize, ListRegister)> {
        let index = bits(self.page.written().into()).next()?;
        let (vcpu, value) = self.take(1 << index)?;
        Some((vcpu, index, value))
    }

    fn take(&mut self, bit: u16) -> Option<(usize, ListRegister)> {
        let vcpu = self.vcpu.filter(|_| self.page.written() & bit != 0)?;
        self.page.forget_written(bit);
        Some((vcpu, ListRegister::from_bits(self.page.get(bit.trailing_zeros() as usize))))
    }

    /// Whether exits are to tell this register.
    fn want(&mut self, index: usize, wanted: bool) {
        let told = self.page.told();
        let new = told & !(1 << index) | u16::from(wanted) << index;
        if new != told {
            self.page.set_told(new);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::collection::vec;
    use proptest::prelude::*;

    const COUNT: usize = 4;
    const VCPUS: usize = 2;

    #[derive(Default)]
    struct Words {
        told: u16,
        written: u16,
        lists: [u64; COUNT],
    }

    impl Page for Words {
        fn told(&self) -> u16 {
            self.told
        }

        fn set_told(&mut self, lists: u16) {
            self.told = lists;
        }

        fn written(&self) -> u16 {
            self.written
        }

        fn get(&self, index: usize) -> u64 {
            self.lists[index]
        }

        fn set(&mut self, index: usize, value: u64) {
            self.lists[index] = value;
            self.written |= 1 << index;
        }

        fn forget_written(&mut self, lists: u16) {
            self.written &= !lists;
        }
    }

    /// A kernel, and what its list registers would be if all were written at once.
    struct Machine {
        lists: ExitLists<Words>,
        real: [[u64; COUNT]; VCPUS],
        expected: [[u64; COUNT]; VCPUS],
        direct: usize,
    }

    impl Machine {
        fn new() -> Self {
            let lists = ExitLists::new(Words::default());
            Self { lists, real: Default::default(), expected: Default::default(), direct: 0 }
        }

        fn exit(&mut self, vcpu: usize) {
            let page = &mut self.lists.page;
            page.written = 0;
            bits(page.told.into()).for_each(|index| page.lists[index] = self.real[vcpu][index]);
            self.lists.begin(vcpu);
        }

        fn answer(&mut self, vcpu: usize) {
            self.lists.end();
            let page = &self.lists.page;
            bits(page.written.into()).for_each(|index| self.real[vcpu][index] = page.lists[index]);
            assert_eq!(self.real, self.expected);
        }

        fn leave(&mut self) {
            while let Some((vcpu, index, value)) = self.lists.take_unanswered() {
                self.real[vcpu][index] = value.bits();
            }
            self.lists.end();
            assert_eq!(self.real, self.expected);
        }

        fn read(&mut self, vcpu: usize, index: usize) -> u64 {
            self.lists.read(vcpu, index).map_or_else(
                || {
                    self.direct += 1;
                    self.real[vcpu][index]
                },
                ListRegister::bits,
            )
        }

        fn write(&mut self, vcpu: usize, index: usize, value: u64) {
            self.expected[vcpu][index] = value;
            if !self.lists.write(vcpu, index, ListRegister::from_bits(value)) {
                self.direct += 1;
                self.real[vcpu][index] = value;
            }
        }

        fn empty(&self, vcpu: usize) -> u16 {
            let of = |lists: &[u64; COUNT]| {
                let each = lists.iter().enumerate();
                each.fold(0, |mask, (n, &bits)| mask | u16::from(ListRegister::from_bits(bits).is_empty()) << n)
            };
            let seen = self.lists.empty(vcpu, of(&self.real[vcpu]));
            assert_eq!(seen, of(&self.expected[vcpu]));
            seen
        }
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Read(usize, usize),
        Write(usize, usize, u64),
        Empty(usize),
        Share(usize),
        /// The kernel fills a register that it was given.
        Fill(usize, usize, u64),
        /// The guest changes a register: only one that is not exiting can.
        Guest(usize, usize, u64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let value = || {
            prop_oneof![
                Just(0),
                Just(ListRegister::new(40, 1).with_pending(true).bits()),
                Just(ListRegister::new(9, 1).with_active(true).bits())
            ]
        };
        let (vcpu, index) = (0..VCPUS, 0..COUNT);
        vec(
            prop_oneof![
                4 => (vcpu.clone(), index.clone()).prop_map(|(v, n)| Step::Read(v, n)),
                4 => (vcpu.clone(), index.clone(), value()).prop_map(|(v, n, x)| Step::Write(v, n, x)),
                2 => vcpu.clone().prop_map(Step::Empty),
                1 => index.clone().prop_map(Step::Share),
                2 => (vcpu.clone(), index.clone(), value()).prop_map(|(v, n, x)| Step::Fill(v, n, x)),
                2 => (vcpu, index, value()).prop_map(|(v, n, x)| Step::Guest(v, n, x)),
            ],
            0..12,
        )
    }

    proptest! {
        #[test]
        fn nothing_differs_but_when_it_is_written(exits in vec((0..VCPUS, steps(), any::<bool>()), 1..20)) {
            let mut machine = Machine::new();
            for (exiting, steps, answered) in exits {
                machine.exit(exiting);
                for step in steps {
                    match step {
                        Step::Read(vcpu, index) => prop_assert_eq!(machine.read(vcpu, index), machine.expected[vcpu][index]),
                        Step::Write(vcpu, index, value) => machine.write(vcpu, index, value),
                        Step::Empty(vcpu) => {
                            machine.empty(vcpu);
                        }
                        Step::Share(index) => {
                            if let Some((vcpu, value)) = machine.lists.leave_to_kernel(index) {
                                machine.real[vcpu][index] = value.bits();
                            }
                        }
                        Step::Fill(vcpu, index, value) if machine.lists.kernels & 1 << index != 0 => {
                            machine.real[vcpu][index] = value;
                            machine.expected[vcpu][index] = value;
                        }
                        Step::Guest(vcpu, index, value) if vcpu != exiting => {
                            machine.real[vcpu][index] = value;
                            machine.expected[vcpu][index] = value;
                        }
                        Step::Fill(..) | Step::Guest(..) => {}
                    }
                }
                if answered { machine.answer(exiting) } else { machine.leave() }
            }
        }
    }

    #[test]
    fn what_was_put_in_is_told_by_the_next_exit_until_it_is_over() {
        let pending = ListRegister::new(40, 1).with_pending(true).bits();
        let mut machine = Machine::new();
        machine.exit(0);
        machine.write(0, 2, pending);
        machine.answer(0);
        (machine.real[0][2], machine.expected[0][2]) = (40, 40);
        machine.exit(0);
        assert_eq!(machine.lists.page.told, 1 << 2);
        assert_eq!((machine.read(0, 2), machine.direct), (40, 0));
        machine.answer(0);
        assert_eq!(machine.lists.page.told, 0, "it is empty");
    }
}
