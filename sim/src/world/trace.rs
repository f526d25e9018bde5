//! The trace: one hash over every event and what it carried.

/// A running 64-bit hash. Not cryptographic: it tells two runs apart, nothing more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Trace {
    hash: u64,
    events: u64,
}

const PRIME: u64 = 0x9e37_79b9_7f4a_7c15;

impl Default for Trace {
    fn default() -> Self {
        Self { hash: 0x6173_7369_7a65, events: 0 }
    }
}

impl Trace {
    /// Adds a number.
    pub const fn add(&mut self, value: u64) {
        let mixed = (self.hash ^ value).wrapping_mul(PRIME);
        self.hash = mixed ^ (mixed >> 29);
    }

    /// Adds an event: its time and what it is.
    pub const fn event(&mut self, at: u64, code: u32) {
        self.events += 1;
        self.add(at);
        self.add(code as u64);
    }

    /// The hash so far.
    #[must_use]
    pub const fn digest(&self) -> u64 {
        self.hash
    }

    /// How many events so far.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.events
    }
}
