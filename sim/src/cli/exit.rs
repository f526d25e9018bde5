//! Exit codes.

/// How a command ended. The numbers are a contract with scripts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// Every run was as its scenario expects.
    Expected,
    /// A safety property was violated, or an expected violation did not come.
    Safety,
    /// Something that should have happened did not.
    Liveness,
    /// A gate was missed.
    Gate,
    /// A run did not show enough to judge it.
    Inconclusive,
    /// Two runs of the same scenario and seed differ.
    NotDeterministic,
    /// The command line is wrong.
    Usage,
    /// A scenario, dialogue, token or the records of a sweep cannot be read or are wrong.
    Scenario,
    /// A bug in assize.
    Bug,
    /// The machine refused: a disk is full, a file cannot be written.
    Temporary,
    /// Interrupted; what was done was told.
    Interrupted,
}

impl Exit {
    /// The process's exit code.
    #[must_use]
    pub const fn code(self) -> i32 {
        match self {
            Self::Expected => 0,
            Self::Safety => 10,
            Self::Liveness => 11,
            Self::Gate => 12,
            Self::Inconclusive => 13,
            Self::NotDeterministic => 14,
            Self::Usage => 64,
            Self::Scenario => 65,
            Self::Bug => 70,
            Self::Temporary => 75,
            Self::Interrupted => 130,
        }
    }

    /// The end that a run's summary names.
    #[must_use]
    pub const fn of_run(code: i32) -> Self {
        match code {
            0 => Self::Expected,
            11 => Self::Liveness,
            12 => Self::Gate,
            13 => Self::Inconclusive,
            _ => Self::Safety,
        }
    }

    /// The end that an exit code names; anything unknown is a violation.
    #[must_use]
    pub const fn of_code(code: i32) -> Self {
        match code {
            14 => Self::NotDeterministic,
            64 => Self::Usage,
            65 => Self::Scenario,
            70 => Self::Bug,
            75 => Self::Temporary,
            130 => Self::Interrupted,
            of_run => Self::of_run(of_run),
        }
    }

    /// Of many ends the one to be told: a bug first, then what was violated, in the order of
    /// the codes; an inconclusive run only when nothing else was wrong.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        let rank = |exit: Self| match exit {
            Self::Expected => 0,
            Self::Inconclusive => 1,
            Self::Gate => 2,
            Self::Liveness => 3,
            Self::Safety => 4,
            Self::NotDeterministic => 5,
            Self::Temporary => 6,
            Self::Usage => 7,
            Self::Scenario => 8,
            Self::Interrupted => 9,
            Self::Bug => 10,
        };
        if rank(other) > rank(self) { other } else { self }
    }
}

/// A command that could not do what it was asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Failure {
    /// The exit.
    pub(super) exit: Exit,
    /// What to say on the standard error; empty when it was said.
    pub(super) text: String,
}

impl Failure {
    /// With a sentence.
    pub(super) fn new(exit: Exit, text: impl Into<String>) -> Self {
        Self { exit, text: text.into() }
    }

    /// Everything has been said.
    pub(super) const fn told(exit: Exit) -> Self {
        Self { exit, text: String::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;

    #[test]
    fn the_worst_of_many_is_told() {
        assert_eq!(Exit::Expected.worse(Exit::Gate), Exit::Gate);
        assert_eq!(Exit::Safety.worse(Exit::Inconclusive), Exit::Safety);
        assert_eq!(Exit::Safety.worse(Exit::Bug), Exit::Bug);
    }
}
