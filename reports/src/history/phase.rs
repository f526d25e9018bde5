//! The phases of a run, and the phase a measurement belongs to.
//!
//! A leader crash rightly costs a third of the partitions some seconds; told per phase it
//! neither hides in a percentile of the whole run nor spoils that of the quiet part.

use serde::{Deserialize, Serialize};

/// How many phases there are.
pub const PHASES: usize = 5;

/// What the scenario is doing to the system.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The cluster forms, then load runs while caches and groups settle; told apart so that gates
    /// can ignore it.
    Warmup,
    /// Load runs, nothing is broken.
    Steady,
    /// Load runs, at least one fault is in force.
    Fault,
    /// Load runs, every fault is healed, the system catches up.
    Recovery,
    /// No more load; the system works off what is left.
    Drain,
}

impl Phase {
    /// All of them, in order.
    pub const ALL: [Self; PHASES] =
        [Self::Warmup, Self::Steady, Self::Fault, Self::Recovery, Self::Drain];

    /// Position in tables.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Its name in reports and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Warmup => "warmup",
            Self::Steady => "steady",
            Self::Fault => "fault",
            Self::Recovery => "recovery",
            Self::Drain => "drain",
        }
    }
}

/// A stretch of one phase. `[start_ns, end_ns)`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PhaseSpan {
    /// Which.
    pub phase: Phase,
    /// First instant, simulated ns.
    pub start_ns: u64,
    /// First instant after it, simulated ns.
    pub end_ns: u64,
}

/// The phases so far, in time order.
#[derive(Clone, Debug)]
pub struct Phases {
    starts: Vec<(u64, Phase)>,
}

impl Default for Phases {
    fn default() -> Self {
        Self { starts: vec![(0, Phase::Steady)] }
    }
}

impl Phases {
    /// A phase begins. Entering the phase in force changes nothing; a phase that begins where
    /// the one before began replaces it.
    pub fn enter(&mut self, phase: Phase, at_ns: u64) {
        let (start, current) = self.latest();
        assert!(at_ns >= start, "phases begin in time order: {at_ns} after {start}");
        if current == phase {
            return;
        }
        if at_ns == start {
            self.starts.pop();
            if self.starts.last().is_some_and(|&(_, before)| before == phase) {
                return;
            }
        }
        self.starts.push((at_ns, phase));
    }

    /// The phase in force now.
    #[must_use]
    pub fn current(&self) -> Phase {
        self.latest().1
    }

    /// When the phase in force now began, simulated ns, and which it is.
    #[must_use]
    #[inline]
    pub fn latest(&self) -> (u64, Phase) {
        *self.starts.last().expect("a run is in some phase")
    }

    /// The phase that something intended at one time and done now belongs to: `Fault` if it
    /// met any fault, else `Recovery` if it met any recovery, else the phase it was intended
    /// in. So the steady figures hold only what no fault could touch.
    #[must_use]
    #[inline]
    pub fn of_span(&self, intended_ns: u64) -> Phase {
        let (start, current) = self.latest();
        if intended_ns >= start { current } else { self.of_long_span(intended_ns) }
    }

    fn of_long_span(&self, intended_ns: u64) -> Phase {
        let mut recovery = false;
        for &(start, phase) in self.starts.iter().rev() {
            if phase == Phase::Fault {
                return Phase::Fault;
            }
            recovery |= phase == Phase::Recovery;
            if start <= intended_ns {
                return if recovery { Phase::Recovery } else { phase };
            }
        }
        unreachable!("the first phase begins at zero")
    }

    /// When the load phase began, after boot and warm-up, simulated ns; none when it never did.
    #[must_use]
    pub fn load_from_ns(&self) -> Option<u64> {
        let begun = self.starts.iter().find(|(_, phase)| *phase != Phase::Warmup);
        begun.map(|&(start, _)| start)
    }

    /// Every stretch, the last one ending at `end_ns`.
    #[must_use]
    pub fn spans(&self, end_ns: u64) -> Vec<PhaseSpan> {
        let ends = self.starts.iter().skip(1).map(|&(start, _)| start).chain([end_ns]);
        self.starts
            .iter()
            .zip(ends)
            .map(|(&(start_ns, phase), end)| PhaseSpan {
                phase,
                start_ns,
                end_ns: end.max(start_ns),
            })
            .collect()
    }

    /// How long each phase lasted in all, by [`Phase::index`], up to `end_ns`.
    #[must_use]
    pub fn lengths_ns(&self, end_ns: u64) -> [u64; PHASES] {
        let mut lengths = [0; PHASES];
        for span in self.spans(end_ns) {
            lengths[span.phase.index()] += span.end_ns - span.start_ns;
        }
        lengths
    }
}

#[cfg(test)]
mod tests {
    use super::{Phase, Phases};

    #[test]
    fn a_span_that_met_a_fault_belongs_to_the_fault() {
        let mut phases = Phases::default();
        phases.enter(Phase::Warmup, 0);
        phases.enter(Phase::Steady, 10);
        assert_eq!(phases.of_span(12), Phase::Steady);
        assert_eq!(phases.load_from_ns(), Some(10));
        assert_eq!(phases.of_span(3), Phase::Warmup, "intended in the warm-up");
        phases.enter(Phase::Fault, 20);
        assert_eq!(phases.of_span(12), Phase::Fault);
        phases.enter(Phase::Recovery, 30);
        assert_eq!(phases.of_span(25), Phase::Fault);
        assert_eq!(phases.of_span(12), Phase::Fault, "the whole fault lies inside");
        assert_eq!(phases.of_span(30), Phase::Recovery);
        phases.enter(Phase::Drain, 40);
        assert_eq!(phases.of_span(35), Phase::Recovery);
        assert_eq!(phases.of_span(40), Phase::Drain);
    }

    #[test]
    fn lengths_add_up_and_empty_phases_vanish() {
        let mut phases = Phases::default();
        phases.enter(Phase::Fault, 5);
        phases.enter(Phase::Recovery, 7);
        phases.enter(Phase::Fault, 7);
        phases.enter(Phase::Recovery, 9);
        assert_eq!(phases.lengths_ns(12), [0, 5, 4, 3, 0]);
        assert_eq!(phases.spans(12).len(), 3, "the empty recovery is gone");
        assert_eq!(phases.current(), Phase::Recovery);
    }
}
