//! Effects applied exactly once.
//!
//! A ledger is an external store with a commit of its own. Every entity with a record in the
//! ledger's input topic has its effect applied once; attempts may be many and are counted
//! apart. What was given up has its record in the service's dead-letter topic instead: one or
//! the other is enough.
//!
//! Source: Kafka documentation, "Message delivery semantics"; features of the articles: each
//! order reserves stock once.
//!
//! Memory: one byte an entity and ledger.

use super::finding::{Anomaly, Finding, Tally, Verdict, Violation};
use super::table::slot;
use crate::history::{LedgerId, Recorder};
use crate::number::grouped;

/// Set when the entity has a record in the input topic; the rest counts applications.
const EXPECTED: u8 = 0x80;
/// Set when the entity has a record in the dead-letter topic.
const GIVEN_UP: u8 = 0x40;
/// The rest.
const COUNT: u8 = 0x3f;

#[derive(Clone, Debug)]
struct Ledger {
    name: String,
    input_topic: u32,
    dead_letters: Option<u32>,
    /// By entity.
    entities: Vec<u8>,
    attempts: u64,
    applied: u64,
    doubled: Tally<(u32, u64)>,
}

/// Its streaming state.
#[derive(Clone, Default, Debug)]
pub struct Effects {
    ledgers: Vec<Ledger>,
}

impl Effects {
    pub(crate) fn ledger(&mut self, name: &str, input_topic: u32) -> LedgerId {
        self.ledgers.push(Ledger {
            name: name.to_owned(),
            input_topic,
            dead_letters: None,
            entities: Vec::new(),
            attempts: 0,
            applied: 0,
            doubled: Tally::default(),
        });
        LedgerId(u32::try_from(self.ledgers.len() - 1).expect("ledgers are few"))
    }

    pub(crate) fn dead_letters(&mut self, ledger: LedgerId, topic: u32) {
        self.ledgers[ledger.0 as usize].dead_letters = Some(topic);
    }

    pub(crate) fn attempted(&mut self, ledger: LedgerId, count: u64) {
        self.ledgers[ledger.0 as usize].attempts += count;
    }

    #[inline]
    pub(crate) fn applied(&mut self, ledger: LedgerId, entity: u32, at_ns: u64) {
        let ledger = &mut self.ledgers[ledger.0 as usize];
        ledger.applied += 1;
        let state = slot(&mut ledger.entities, entity, 0);
        let count = *state & COUNT;
        *state = (*state & !COUNT) | (count + 1).min(COUNT);
        if count > 0 {
            ledger.doubled.add((entity, at_ns));
        }
    }

    #[inline]
    pub(crate) fn watches(&self, topic: u32) -> bool {
        let of =
            |ledger: &Ledger| ledger.input_topic == topic || ledger.dead_letters == Some(topic);
        self.ledgers.iter().any(of)
    }

    /// The audit found records of these entities, at these offsets, in a topic.
    pub(crate) fn expected(&mut self, topic: u32, found: &[(u32, i64)]) {
        for ledger in &mut self.ledgers {
            let what = match () {
                () if ledger.input_topic == topic => EXPECTED,
                () if ledger.dead_letters == Some(topic) => GIVEN_UP,
                () => continue,
            };
            for &(entity, _) in found {
                *slot(&mut ledger.entities, entity, 0) |= what;
            }
        }
    }

    /// Compaction may have removed a record of this entity, here or on the replica that a consumer
    /// read, so its effect was applied or not.
    pub(crate) fn removed(&mut self, topic: u32, entity: u32) {
        for ledger in self.ledgers.iter_mut().filter(|ledger| ledger.input_topic == topic) {
            let state = slot(&mut ledger.entities, entity, 0);
            let applied = *state & COUNT != 0;
            *state = if applied { *state | EXPECTED } else { 0 };
        }
    }

    /// Judges it.
    pub(super) fn judge(&self, recorder: &Recorder, off: &[Anomaly]) -> Finding {
        let name = "effects-applied-once".to_owned();
        let (mut kinds, mut texts) = ([Vec::new(), Vec::new(), Vec::new()], Vec::new());
        let (mut violations, mut untold) = (0, self.ledgers.is_empty());
        for ledger in &self.ledgers {
            let (mut lost, mut invented) = (Tally::default(), Tally::default());
            let mut expected = 0_u64;
            for (entity, &state) in (0_u32..).zip(&ledger.entities) {
                expected += u64::from(state & EXPECTED != 0);
                if state == EXPECTED {
                    lost.add(entity);
                } else if state & COUNT != 0 && state & EXPECTED == 0 {
                    invented.add(entity);
                }
            }
            let topic = recorder.topology.topic_of(ledger.input_topic);
            let audited = topic.is_some_and(|topic| {
                topic.partitions.iter().all(|&partition| recorder.audited.covers(partition))
            });
            untold |= !audited || expected == 0;
            // An input that the audit cannot see may be there.
            if !audited {
                invented = Tally::default();
            }
            let on = |anomaly: Anomaly| !off.contains(&anomaly);
            if on(Anomaly::EffectLost) {
                violations += lost.count();
                kinds[0].extend(lost.first().iter().map(|&entity| ledger.lost(entity)));
            }
            if on(Anomaly::EffectDoubled) {
                violations += ledger.doubled.count();
                let doubled = ledger.doubled.first().iter();
                kinds[1].extend(doubled.map(|&(entity, at_ns)| ledger.doubled(entity, at_ns)));
            }
            if on(Anomaly::EffectInvented) {
                violations += invented.count();
                kinds[2].extend(invented.first().iter().map(|&entity| ledger.invented(entity)));
            }
            texts.push(format!(
                "{}: {} expected, {} applied in {} attempts, {} lost, {} doubled, {} invented",
                ledger.name,
                grouped(expected),
                grouped(ledger.applied),
                grouped(ledger.attempts),
                grouped(lost.count()),
                grouped(ledger.doubled.count()),
                grouped(invented.count())
            ));
        }
        // Some of each kind, so that none hides behind another.
        let evidence = kinds.into_iter().flat_map(|kind| kind.into_iter().take(2)).collect();
        let verdict = match (violations, untold) {
            (0, false) => Verdict::Pass,
            (0, true) => Verdict::Inconclusive,
            _ => Verdict::Fail,
        };
        if texts.is_empty() {
            texts.push("no ledger is declared".to_owned());
        }
        Finding { name, verdict, detail: texts.join("; "), violations, evidence }
    }
}

impl Ledger {
    fn lost(&self, entity: u32) -> Violation {
        let text = format!("the effect of entity {entity} was never applied to {}", self.name);
        violation(Anomaly::EffectLost, text, None)
    }

    fn invented(&self, entity: u32) -> Violation {
        let text = format!("the effect of entity {entity} in {} has no input", self.name);
        violation(Anomaly::EffectInvented, text, None)
    }

    fn doubled(&self, entity: u32, at_ns: u64) -> Violation {
        let text = format!("the effect of entity {entity} was applied to {} again", self.name);
        violation(Anomaly::EffectDoubled, text, Some(at_ns))
    }
}

fn violation(anomaly: Anomaly, text: String, at_ns: Option<u64>) -> Violation {
    Violation { anomaly, text, record: None, partition: None, offset: None, at_ns }
}

#[cfg(test)]
mod tests {
    use crate::checker::history::{History, ORDERS, PAYMENTS};
    use crate::checker::{Anomaly, Claim, Verdict};

    fn stock(applied: &[u32]) -> History {
        let mut history = History::new();
        let ledger = history.recorder.ledger("stock", ORDERS);
        history.send(0..3, None).acknowledge(0..3, 0);
        history.recorder.effects_attempted(ledger, 9);
        for &entity in applied {
            history.recorder.effect_applied(ledger, entity, 70 + u64::from(entity));
        }
        history.audit(&[(0, &[0, 1, 2])]).audit_log(1, &[]);
        history
    }

    #[test]
    fn rejects_a_lost_effect() {
        let finding = stock(&[0, 2]).judge(Claim::EffectsAppliedOnce);
        assert_eq!((finding.verdict, finding.violations), (Verdict::Fail, 1));
        assert_eq!(finding.evidence[0].anomaly, Anomaly::EffectLost);
        assert!(finding.evidence[0].text.contains("entity 1"));
    }

    #[test]
    fn rejects_a_doubled_effect() {
        let finding = stock(&[0, 1, 2, 1]).judge(Claim::EffectsAppliedOnce);
        assert_eq!(finding.evidence[0].anomaly, Anomaly::EffectDoubled);
        assert_eq!((finding.violations, finding.evidence[0].at_ns), (1, Some(71)));
    }

    #[test]
    fn accepts_many_attempts_with_one_application_each() {
        let finding = stock(&[2, 1, 0]).judge(Claim::EffectsAppliedOnce);
        assert_eq!(finding.verdict, Verdict::Pass);
        assert!(finding.detail.contains("3 applied in 9 attempts"), "{}", finding.detail);
    }

    #[test]
    fn rejects_an_effect_without_an_input() {
        let finding = stock(&[0, 1, 2, 7]).judge(Claim::EffectsAppliedOnce);
        assert_eq!(finding.evidence[0].anomaly, Anomaly::EffectInvented);
        assert_eq!(finding.violations, 1);
    }

    #[test]
    fn cannot_tell_when_nothing_is_expected() {
        let mut history = History::new();
        history.recorder.ledger("stock", ORDERS);
        history.audit(&[]).audit_log(1, &[]);
        assert_eq!(history.judge(Claim::EffectsAppliedOnce).verdict, Verdict::Inconclusive);
    }

    /// Of three entities the first is applied and the second is in the dead-letter topic.
    fn given_up(declared: bool) -> crate::checker::Finding {
        let mut history = History::new();
        let ledger = history.recorder.ledger("stock", ORDERS);
        if declared {
            history.recorder.dead_letters(ledger, PAYMENTS);
        }
        history.send(0..2, None).acknowledge(0..2, 0);
        // Record 11 is about entity 1.
        history.send_to(2, 11..12, None).acknowledge_in(2, 11..12, 0);
        history.recorder.effect_applied(ledger, 0, 70);
        history.audit(&[(0, &[0, 1])]).audit_log(1, &[]).audit_log(2, &[(0, &[11])]);
        history.judge(Claim::EffectsAppliedOnce)
    }

    #[test]
    fn accepts_what_was_given_up_in_the_dead_letter_topic_alone() {
        assert_eq!(given_up(true).verdict, Verdict::Pass, "{}", given_up(true).detail);
        assert_eq!(given_up(false).evidence[0].anomaly, Anomaly::EffectLost);
    }
}
