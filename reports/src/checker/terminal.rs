//! Every entity ends in exactly one terminal state.
//!
//! An entity with a record in the source topic ends by one record in one of the terminal
//! topics, or by one declared end, and by no second one.
//!
//! Source: conservation of orders, as the articles claim of their pipeline.
//!
//! Memory: one byte an entity and lifecycle.

use super::finding::{Anomaly, Finding, Tally, Verdict, Violation};
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
    lifecycle: Option<Lifecycle>,
}

impl Lifecycle {
    #[inline]
    fn entity(&mut self, entity: u32) -> &mut u8 {
        let index = entity as usize;
        if index >= self.entities.len() {
            self.entities.resize((index + 1).next_multiple_of(1 << 12), 0);
        }
        &mut self.entities[index]
    }

    fn end(&mut self, entity: u32, at_ns: Option<u64>, offset: Option<i64>) {
        let state = self.entity(entity);
        let count = *state & !BEGUN;
        *state = (*state & BEGUN) | (count + 1).min(!BEGUN);
        if count > 0 {
            self.again.add((entity, at_ns, offset));
        }
    }
}

impl Terminals {
    pub(crate) fn lifecycle(&mut self, source: u32, terminals: Vec<u32>) {
        assert!(self.lifecycle.is_none(), "a run has one lifecycle");
        let (entities, again) = (Vec::new(), Tally::default());
        self.lifecycle = Some(Lifecycle { source, terminals, entities, again });
    }

    #[inline]
    pub(crate) fn watches(&self, topic: u32) -> bool {
        self.lifecycle
            .as_ref()
            .is_some_and(|one| one.source == topic || one.terminals.contains(&topic))
    }

    pub(crate) fn ended(&mut self, entity: u32, at_ns: u64) {
        if let Some(lifecycle) = &mut self.lifecycle {
            lifecycle.end(entity, Some(at_ns), None);
        }
    }

    /// The audit found records of these entities, at these offsets, in a topic.
    pub(crate) fn found(&mut self, topic: u32, found: &[(u32, i64)]) {
        let Some(lifecycle) = &mut self.lifecycle else { return };
        let source = lifecycle.source == topic;
        let terminal = lifecycle.terminals.contains(&topic);
        for &(entity, offset) in found {
            if source {
                *lifecycle.entity(entity) |= BEGUN;
            }
            if terminal {
                lifecycle.end(entity, None, Some(offset));
            }
        }
    }

    /// Judges it.
    pub(super) fn judge(&self, recorder: &Recorder) -> Finding {
        let name = "one-terminal-state".to_owned();
        let Some(lifecycle) = &self.lifecycle else {
            let detail = "no lifecycle is declared".to_owned();
            let verdict = Verdict::Inconclusive;
            return Finding { name, verdict, detail, violations: 0, evidence: Vec::new() };
        };
        let mut unfinished = Tally::default();
        let mut begun = 0_u64;
        for (entity, &state) in (0_u32..).zip(&lifecycle.entities) {
            begun += u64::from(state & BEGUN != 0);
            if state == BEGUN {
                unfinished.add(entity);
            }
        }
        let topics = lifecycle.terminals.iter().chain([&lifecycle.source]);
        let audited = topics.filter_map(|&topic| recorder.topology.topic_of(topic)).all(|topic| {
            topic.partitions.iter().all(|&partition| recorder.audited.covers(partition))
        });
        let again = &lifecycle.again;
        let violations = unfinished.count() + again.count();
        let none = unfinished.first().iter().map(|entity| {
            let text = format!("entity {entity} never reached a terminal state");
            violation(text, None, None)
        });
        let several = again.first().iter().map(|&(entity, at_ns, offset)| {
            let text = format!("entity {entity} reached a terminal state again");
            violation(text, at_ns, offset)
        });
        let evidence = none.chain(several).take(super::EVIDENCE_MAX).collect();
        let (verdict, detail) = if !audited {
            (Verdict::Inconclusive, "some partitions were never audited".to_owned())
        } else if violations > 0 {
            let (none, several) = (unfinished.count(), again.count());
            let text = format!("of {begun} entities {none} never ended, {several} ended again");
            (Verdict::Fail, text)
        } else {
            (Verdict::Pass, format!("all {} entities ended in one terminal state", grouped(begun)))
        };
        Finding { name, verdict, detail, violations, evidence }
    }
}

fn violation(text: String, at_ns: Option<u64>, offset: Option<i64>) -> Violation {
    let anomaly = Anomaly::UnfinishedOrder;
    Violation { anomaly, text, record: None, partition: None, offset, at_ns }
}

#[cfg(test)]
mod tests {
    use crate::checker::history::{History, ORDERS, PAYMENTS};
    use crate::checker::{Claim, Verdict};

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
}
