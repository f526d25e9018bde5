//! Records that the handler fails with: how often, how long that takes, and where they go then.

use broker_model::types::{Duration, Instant, RecordId};
use scenarios::model::{Poison, Ratio};

use super::spec::ServiceSpec;
use crate::prng::{mix, scale};
use crate::world::ActorContext;

/// How the handler fares with a record that it fails with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Trial {
    /// Attempts, the one that succeeds included.
    pub(super) attempts: u32,
    /// Whether the last one succeeds; if not, the record is given up or passed on.
    pub(super) succeeds: bool,
    /// Whether the failure ends the process.
    pub(super) ends_process: bool,
}

/// Where a record goes after the last of its attempts failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct NextTopic<'a> {
    /// The topic.
    pub(super) topic: &'a str,
    /// Of a retry topic: how long the record is to wait there, nanoseconds.
    pub(super) delay: Option<Duration>,
}

impl ServiceSpec {
    /// How the handler fares with a record from one of the inputs; `None` for one that it never
    /// fails with.
    pub(super) fn trial(
        &self,
        cx: &ActorContext<'_>,
        record: RecordId,
        input: usize,
    ) -> Option<Trial> {
        let (poison, draw) = self.poison.as_ref()?;
        let entity = u64::from(cx.shared.records.get(record).entity);
        let Ratio { numerator, denominator } = poison.share;
        let fails = scale(mix(draw ^ mix(entity)), denominator) < numerator;
        fails.then(|| trial(poison, input))
    }

    /// Where a record of an input goes after the last of its attempts failed; `None` if it is
    /// dropped.
    pub(super) fn next_topic(&self, input: usize) -> Option<NextTopic<'_>> {
        let (poison, _) = self.poison.as_ref()?;
        if let Some(retry) = poison.retries.get(input) {
            return Some(NextTopic { topic: &retry.topic, delay: Some(retry.delay) });
        }
        let topic = poison.dead_letter.as_deref()?;
        Some(NextTopic { topic, delay: None })
    }

    /// Until when a record of an input has to wait, if it is one of a retry topic.
    pub(super) fn held_until(
        &self,
        cx: &ActorContext<'_>,
        record: RecordId,
        input: usize,
    ) -> Option<Instant> {
        let (poison, _) = self.poison.as_ref()?;
        (input > 0 && !poison.retries.is_empty()).then(|| cx.shared.records.not_before(record))
    }

    /// The time that the attempts with a record take, and the waits between them. Each attempt
    /// takes `cost`.
    pub(super) fn spent_on(&self, trial: Trial, cost: Duration) -> Duration {
        let backoff = self.poison.as_ref().map_or(0, |(poison, _)| poison.backoff);
        let attempts = u64::from(trial.attempts);
        cost * attempts + backoff * (attempts - 1)
    }
}

/// Before the n-th topic a record has been tried as often from each of the others. Who reads it
/// again after a crash begins with the first attempt from its topic.
fn trial(poison: &Poison, input: usize) -> Trial {
    let Some(most) = poison.attempts else {
        return Trial { attempts: 1, succeeds: false, ends_process: true };
    };
    let before = u64::from(most) * if poison.retries.is_empty() { 0 } else { input as u64 };
    let left = poison.failures.map(|failures| u64::from(failures).saturating_sub(before));
    match left {
        Some(left) if left < u64::from(most) => {
            Trial { attempts: left as u32 + 1, succeeds: true, ends_process: false }
        }
        _ => Trial { attempts: most, succeeds: false, ends_process: false },
    }
}

#[cfg(test)]
mod tests {
    use scenarios::model::{Poison, Ratio, Retry};

    use super::trial;

    /// Attempts from each topic until it succeeds, and whether it does.
    fn course(failures: Option<u32>, attempts: u32) -> (Vec<u32>, bool) {
        let retry = |topic: &str| Retry { topic: topic.to_owned(), delay: 0 };
        let poison = Poison {
            share: Ratio::ZERO,
            failures,
            attempts: Some(attempts),
            backoff: 0,
            retries: vec![retry("soon"), retry("late")],
            dead_letter: None,
        };
        let mut made = Vec::new();
        for input in 0..=poison.retries.len() {
            let trial = trial(&poison, input);
            made.push(trial.attempts);
            if trial.succeeds {
                return (made, true);
            }
        }
        (made, false)
    }

    #[test]
    fn attempts_are_counted_over_all_topics() {
        assert_eq!(course(Some(1), 2), (vec![2], true));
        assert_eq!(course(Some(2), 2), (vec![2, 1], true));
        assert_eq!(course(Some(5), 2), (vec![2, 2, 2], true));
        assert_eq!(course(Some(6), 2), (vec![2, 2, 2], false));
        assert_eq!(course(None, 1), (vec![1, 1, 1], false));
    }
}
