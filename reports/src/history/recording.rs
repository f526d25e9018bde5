//! A recorder as a run uses it: at hand, or in a thread of its own while the load flows.

use super::away::Away;
use super::recorder::Recorder;

/// Where a run's [`Recorder`] is. Its calls mean the same wherever that is.
///
/// Away it costs a run less time and a machine more of it: for a single large run.
#[derive(Debug)]
pub struct Recording {
    /// Nothing is recorded here while it is away.
    pub(super) here: Recorder,
    pub(super) away: Option<Box<Away>>,
}

impl Recording {
    /// With the recorder at hand.
    #[must_use]
    pub const fn new(recorder: Recorder) -> Self {
        Self { here: recorder, away: None }
    }

    /// From now on another thread records, until [`Self::come_home`]. What is declared is declared
    /// before.
    pub fn go_away(&mut self) {
        if self.away.is_none() {
            self.away = Some(Box::new(Away::start(std::mem::take(&mut self.here))));
        }
    }

    /// Waits until everything is recorded, and gives the recorder.
    pub fn come_home(&mut self) -> &mut Recorder {
        if let Some(away) = self.away.take() {
            self.here = away.finish();
        }
        &mut self.here
    }

    /// The recorder.
    ///
    /// # Panics
    /// When it is away: a bug of the caller, who did not wait until the run was over.
    #[must_use]
    pub const fn recorder(&self) -> &Recorder {
        assert!(self.away.is_none(), "a recorder that is away cannot be asked");
        &self.here
    }
}

#[cfg(test)]
mod tests;
