//! Every entity ends in exactly one terminal state.
//!
//! An entity with a record in the source topic ends by one record in one of the terminal
//! topics, or by one declared end, and by no second one.
//!
//! Source: conservation of orders, as the articles claim of their pipeline.
//!
//! Memory: one byte an entity and lifecycle.

use std::collections::BTreeSet;

use super::finding::{Anomaly, Finding, Tally, Verdict, Violation};
use super::table::slot;
use crate::history::Recorder;
use crate::number::grouped;

/// Set when the entity has a record in the source topic; the rest counts its ends.
const BEGUN: u8 = 0x80;

#[derive(Clone, Debug)]
struct Lifecycle {
    source: u32,
    terminals: Vec<u32>,
    /// By entity.
    entities: Vec<u8>,
    again: Tally<(u32, Option<u64>, Option<i64>)>,
}

/// Its streaming state.
#[derive(Clone, Default, Debug)]
pub struct Terminals {
    lifecycles: Vec<Lifecycle>,
}

impl Lifecycle {
    fn end(&mut self, entity: u32, at_ns: Option<u64>, offset: Option<i64>) {
        let state = slot(&mut self.entities, entity, 0);
        let count = *state & !BEGUN;
        *state = (*state & BEGUN) | (count + 1).min(!BEGUN);
        if count > 0 {
            self.again.add((entity, at_ns, offset));
        }
    }
}

impl Terminals {
    pub(crate) fn lifecycle(&mut self, source: u32, terminals: Vec<u32>) {
        let (entities, again) = (Vec::new(), Tally::default());
        self.lifecycles.push(Lifecycle { source, terminals, entities, again });
    }

    #[inline]
    pub(crate) fn watches(&self, topic: u32) -> bool {
        self.lifecycles.iter().any(|one| one.source == topic || one.terminals.contains(&topic))
    }

    pub(crate) fn ended(&mut self, entity: u32, at_ns: u64) {
        for lifecycle in &mut self.lifecycles {
            lifecycle.end(entity, Some(at_ns), None);
        }
    }

    /// The audit found records of these entities, at these offsets, in a topic.
    pub(crate) fn found(&mut self, topic: u32, found: &[(u32, i64)]) {
        for lifecycle in &mut self.lifecycles {
            let source = lifecycle.source == topic;
            let terminal = lifecycle.terminals.contains(&topic);
            for &(entity, offset) in found {
                if source {
                    *slot(&mut lifecycle.entities, entity, 0) |= BEGUN;
                }
                if terminal {
                    lifecycle.end(entity, None, Some(offset));
                }
            }
        }
    }

    /// Compaction may have removed a record of this entity: one that began it, or ended it.
    pub(crate) fn removed(&mut self, topic: u32, entity: u32) {
        for lifecycle in &mut self.lifecycles {
            let state = *slot(&mut lifecycle.entities, entity, 0);
            if lifecycle.terminals.contains(&topic) && state == BEGUN {
                *slot(&mut lifecycle.entities, entity, 0) = BEGUN | 1;
            } else if lifecycle.source == topic {
                let ended = state & !BEGUN != 0;
                *slot(&mut lifecycle.entities, entity, 0) = if ended { state | BEGUN } else { 0 };
            }
        }
    }

    /// Judges it.
    pub(super) fn judge(&self, recorder: &Recorder, off: &[Anomaly]) -> Finding {
        let name = "one-terminal-state".to_owned();
        // What comes of a record that was sent under two epochs is no news beside that.
        let resent =
            off.contains(&Anomaly::ResentUnderNewEpoch).then_some(&recorder.resent_entities);
        let judged: Vec<Judged> =
            self.lifecycles.iter().map(|one| one.judge(recorder, resent)).collect();
        let violations = judged.iter().map(|one| one.violations).sum();
        let evidence: Vec<Violation> = judged.iter().flat_map(|one| one.evidence.clone()).collect();
        let verdict = match (violations, judged.iter().all(|one| one.told && one.begun > 0)) {
            (0, true) if !judged.is_empty() => Verdict::Pass,
            (0, _) => Verdict::Inconclusive,
            _ => Verdict::Fail,
        };
        let detail = if judged.is_empty() {
            "no lifecycle is declared".to_owned()
        } else {
            judged.into_iter().map(|one| one.detail).collect::<Vec<_>>().join("; ")
        };
        let evidence = evidence.into_iter().take(super::EVIDENCE_MAX).collect();
        Finding { name, verdict, detail, violations, evidence }
    }
}

/// What became of the entities of one lifecycle.
struct Judged {
    begun: u64,
    violations: u64,
    /// Every partition it is about was audited.
    told: bool,
    detail: String,
    evidence: Vec<Violation>,
}

impl Lifecycle {
    /// How often these entities ended again.
    fn ended_again(&self, entities: &BTreeSet<u32>) -> u64 {
        let ends = |&entity: &u32| self.entities.get(entity as usize).map_or(0, |s| s & !BEGUN);
        entities.iter().map(|entity| u64::from(ends(entity).saturating_sub(1))).sum()
    }

    fn judge(&self, recorder: &Recorder, excused: Option<&BTreeSet<u32>>) -> Judged {
        let (mut unfinished, mut unbegun) = (Tally::default(), Tally::default());
        let mut begun = 0_u64;
        for (entity, &state) in (0_u32..).zip(&self.entities) {
            begun += u64::from(state & BEGUN != 0);
            if state == BEGUN {
                unfinished.add(entity);
            } else if state != 0 && state & BEGUN == 0 {
                unbegun.add(entity);
            }
        }
        let topics: Vec<_> = self
            .terminals
            .iter()
            .chain([&self.source])
            .filter_map(|&topic| recorder.topology.topic_of(topic))
            .collect();
        let told = topics.iter().all(|topic| {
            topic.partitions.iter().all(|&partition| recorder.audited.covers(partition))
        });
        let text_of = |topic: u32| {
            recorder.topology.topic_of(topic).map_or_else(String::new, |topic| topic.name.clone())
        };
        let way = {
            let ends: Vec<String> = self.terminals.iter().map(|&topic| text_of(topic)).collect();
            format!("{} to {}", text_of(self.source), ends.join(" or "))
        };
        // What an audit cannot see may be there: only its absence proves nothing.
        let missing = if told { unfinished.count() } else { 0 };
        let extra = if told { unbegun.count() } else { 0 };
        let again = self.again.count() - excused.map_or(0, |resent| self.ended_again(resent));
        let violations = missing + extra + again;
        let none = unfinished.first().iter().filter(|_| told).map(|entity| {
            violation(format!("{way}: entity {entity} never reached a terminal state"), None, None)
        });
        let early = unbegun.first().iter().filter(|_| told).map(|entity| {
            violation(format!("{way}: entity {entity} ended and never began"), None, None)
        });
        let several = self.again.first().iter();
        let several = several.filter(|one| excused.is_none_or(|resent| !resent.contains(&one.0)));
        let several = several.map(|&(entity, at_ns, offset)| {
            violation(
                format!("{way}: entity {entity} reached a terminal state again"),
                at_ns,
                offset,
            )
        });
        let evidence = none.chain(early).chain(several).collect();
        let detail = if violations > 0 {
            format!(
                "{way}: of {} entities {} never ended, {} ended again, {} never began",
                grouped(begun),
                grouped(missing),
                grouped(again),
                grouped(extra)
            )
        } else if !told {
            format!("{way}: some partitions were never audited")
        } else if begun == 0 {
            format!("{way}: there was no entity")
        } else {
            format!("{way}: all {} entities ended in one terminal state", grouped(begun))
        };
        Judged { begun, violations, told, detail, evidence }
    }
}

fn violation(text: String, at_ns: Option<u64>, offset: Option<i64>) -> Violation {
    let anomaly = Anomaly::UnfinishedOrder;
    Violation { anomaly, text, record: None, partition: None, offset, at_ns }
}

#[cfg(test)]
mod tests {
    use crate::checker::history::{History, ORDERS, PAYMENTS};
    use crate::checker::{Anomaly, Claim, Verdict};

    /// Orders of entities 0..3; payments (records 10..) end them.
    fn orders(payments: &[u32], dropped: &[u32]) -> History {
        let mut history = History::new();
        history.recorder.lifecycle(ORDERS, [PAYMENTS]);
        history.send(0..3, None).send_to(2, 10..13, None);
        for &entity in dropped {
            history.recorder.entity_ended(entity, 90);
        }
        history.audit(&[(0, &[0, 1, 2])]).audit_log(1, &[]);
        history.audit_log(2, &[(0, payments)]);
        history
    }

    #[test]
    fn rejects_an_order_that_never_ends() {
        let finding = orders(&[10, 12], &[]).judge(Claim::OneTerminalState);
        assert_eq!((finding.verdict, finding.violations), (Verdict::Fail, 1));
        assert!(finding.evidence[0].text.contains("entity 1 never"));
    }

    #[test]
    fn rejects_an_order_that_is_paid_and_dropped() {
        let finding = orders(&[10, 11, 12], &[1]).judge(Claim::OneTerminalState);
        assert_eq!((finding.verdict, finding.violations), (Verdict::Fail, 1));
    }

    #[test]
    fn accepts_one_end_each_of_either_kind() {
        let finding = orders(&[12, 10], &[1]).judge(Claim::OneTerminalState);
        assert_eq!(finding.verdict, Verdict::Pass);
    }

    #[test]
    fn an_order_that_was_sent_under_two_epochs_may_end_twice_where_that_is_switched_off() {
        let judged = |renumbered: std::ops::Range<u32>| {
            let mut history = History::new();
            history.recorder.lifecycle(ORDERS, [PAYMENTS]);
            history.send(0..3, None).send_to(2, 10..13, None).send_to(2, 21..22, None);
            history.recorder.renumbered(renumbered);
            history.audit(&[(0, &[0, 1, 2]), (3, &[1])]).audit_log(1, &[]);
            history.audit_log(2, &[(0, &[10, 11, 12, 21])]);
            let off = [Anomaly::ResentUnderNewEpoch];
            let finding = &history.recorder.judge_without(&[Claim::OneTerminalState], &off)[0];
            (finding.verdict, finding.violations)
        };
        assert_eq!(judged(1..2), (Verdict::Pass, 0));
        assert_eq!(judged(2..3), (Verdict::Fail, 1));
    }

    #[test]
    fn every_pair_of_topics_is_judged() {
        for flipped in [false, true] {
            let mut history = History::new();
            let pairs = if flipped {
                [(ORDERS, ORDERS), (ORDERS, PAYMENTS)]
            } else {
                [(ORDERS, PAYMENTS), (ORDERS, ORDERS)]
            };
            for (from, to) in pairs {
                history.recorder.lifecycle(from, [to]);
            }
            history.send(0..3, None).send_to(2, 10..12, None);
            history.audit(&[(0, &[0, 1, 2])]).audit_log(1, &[]);
            history.audit_log(2, &[(0, &[10, 11])]);
            let finding = history.judge(Claim::OneTerminalState);
            assert_eq!((finding.verdict, finding.violations), (Verdict::Fail, 1));
        }
    }

    #[test]
    fn rejects_an_end_without_a_beginning() {
        let mut history = History::new();
        history.recorder.lifecycle(ORDERS, [PAYMENTS]);
        history.send(0..1, None).send_to(2, 10..12, None);
        history.audit(&[(0, &[0])]).audit_log(1, &[]);
        history.audit_log(2, &[(0, &[10, 11])]);
        let finding = history.judge(Claim::OneTerminalState);
        assert!(finding.evidence[0].text.contains("never began"), "{finding:?}");
    }

    #[test]
    fn cannot_tell_without_any_entity() {
        let mut history = History::new();
        history.recorder.lifecycle(ORDERS, [PAYMENTS]);
        history.audit(&[]).audit_log(1, &[]);
        history.audit_log(2, &[]);
        assert_eq!(history.judge(Claim::OneTerminalState).verdict, Verdict::Inconclusive);
    }
}
