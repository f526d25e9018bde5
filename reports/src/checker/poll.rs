//! Poll neither skips nor goes back within an assignment.
//!
//! From the start of an assignment (or a declared seek) a reader is given ascending offsets.
//! It may pass over offsets at which there is no record for it (markers, aborted records);
//! whether a gap held one is told by the audit, so gaps are kept until then.
//!
//! Source: Kafka's `KafkaConsumer` documentation, "Offsets and consumer position"; Jepsen's
//! `poll-skip` and `nonmonotonic-poll`.

use super::finding::{Anomaly, Finding, Tally, Verdict, Violation};
use crate::history::{Poll, Recorder};
use crate::number::grouped;

/// Stands for "not assigned".
const UNASSIGNED: i64 = -1;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Gap {
    from: i64,
    at_ns: u64,
    count: u32,
    partition: u32,
    consumer: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Back {
    poll: Poll,
    expected: i64,
}

/// Its streaming state: the next offset of each reader, and the gaps.
#[derive(Clone, Default, Debug)]
pub struct Polls {
    /// By consumer, then partition.
    next: Vec<Vec<i64>>,
    gaps: Vec<Gap>,
    back: Tally<Back>,
    judged: u64,
}

impl Polls {
    fn slot(&mut self, consumer: u32, partition: u32) -> &mut i64 {
        let (consumer, partition) = (consumer as usize, partition as usize);
        if consumer >= self.next.len() {
            self.next.resize(consumer + 1, Vec::new());
        }
        let row = &mut self.next[consumer];
        if partition >= row.len() {
            row.resize(partition + 1, UNASSIGNED);
        }
        &mut row[partition]
    }

    pub(crate) fn start(&mut self, consumer: u32, partition: u32, offset: i64) {
        assert!(offset >= 0, "a position is an offset: {offset}");
        *self.slot(consumer, partition) = offset;
    }

    pub(crate) fn stop(&mut self, consumer: u32, partition: u32) {
        *self.slot(consumer, partition) = UNASSIGNED;
    }

    #[inline]
    pub(crate) fn polled(&mut self, poll: &Poll, count: usize) {
        let after = poll.base_offset + count as i64;
        self.judged += count as u64;
        let next = self.slot(poll.consumer, poll.partition);
        let expected = std::mem::replace(next, after);
        if expected == poll.base_offset || expected == UNASSIGNED {
            return;
        }
        if expected > poll.base_offset {
            *next = after.max(expected);
            self.back.add(Back { poll: *poll, expected });
            return;
        }
        self.gap(poll, expected);
    }

    fn gap(&mut self, poll: &Poll, from: i64) {
        let mut from = from;
        // A gap wider than the counter is cut in pieces; none is ever that wide in practice.
        while from < poll.base_offset {
            let count = u32::try_from(poll.base_offset - from).unwrap_or(u32::MAX);
            let (partition, consumer) = (poll.partition, poll.consumer);
            self.gaps.push(Gap { from, at_ns: poll.at_ns, count, partition, consumer });
            from += i64::from(count);
        }
    }

    /// Judges it.
    pub(super) fn judge(&self, recorder: &Recorder, off: &[Anomaly]) -> Finding {
        let mut skipped = Tally::default();
        let mut untold = 0_u64;
        let nothing = Tally::default();
        let backs = if off.contains(&Anomaly::WentBack) { &nothing } else { &self.back };
        let gaps = if off.contains(&Anomaly::SkippedPoll) { &[] } else { self.gaps.as_slice() };
        for gap in gaps {
            let to = gap.from + i64::from(gap.count);
            if !recorder.audited.covers(gap.partition) {
                untold += 1;
            } else if let Some(at) = recorder.audited.first_visible(gap.partition, gap.from, to) {
                skipped.add((*gap, at));
            }
        }
        let count = skipped.count() + backs.count();
        // Some of each kind, so that neither hides behind the other.
        let each = super::EVIDENCE_MAX.div_ceil(2);
        let skips = skipped.first().iter().map(|&(gap, at)| gap.describe(recorder, at)).take(each);
        let told = backs.first().iter().map(|back| back.describe(recorder)).take(each);
        let evidence = skips.chain(told).collect();
        let (verdict, detail) = if count > 0 {
            let (skipped, back) = (skipped.count(), backs.count());
            (Verdict::Fail, format!("{skipped} polls skipped records, {back} went back"))
        } else if untold > 0 {
            let text = format!("{untold} gaps are in partitions never audited");
            (Verdict::Inconclusive, text)
        } else {
            (Verdict::Pass, format!("{} records were polled in log order", grouped(self.judged)))
        };
        let name = "poll-in-order".to_owned();
        Finding { name, verdict, detail, violations: count, evidence }
    }
}

impl Gap {
    fn describe(&self, recorder: &Recorder, at: i64) -> Violation {
        let name = recorder.topology.consumer_name(self.consumer);
        let to = self.from + i64::from(self.count);
        Violation {
            anomaly: Anomaly::SkippedPoll,
            text: format!("{name} went from offset {} to {to}, past a record at {at}", self.from),
            record: None,
            partition: Some(recorder.topology.partition_name(self.partition)),
            offset: Some(at),
            at_ns: Some(self.at_ns),
        }
    }
}

impl Back {
    fn describe(&self, recorder: &Recorder) -> Violation {
        let name = recorder.topology.consumer_name(self.poll.consumer);
        Violation {
            anomaly: Anomaly::WentBack,
            text: format!(
                "{name} was given offset {} again, its position being {}",
                self.poll.base_offset, self.expected
            ),
            record: None,
            partition: Some(recorder.topology.partition_name(self.poll.partition)),
            offset: Some(self.poll.base_offset),
            at_ns: Some(self.poll.at_ns),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::checker::history::{COMMITTED, History};
    use crate::checker::{Anomaly, Claim, Verdict};
    use proptest::prelude::*;

    proptest! {
        /// The naive twin keeps the offsets themselves and looks at each poll by itself.
        #[test]
        fn agrees_with_a_naive_reader(
            there in prop::collection::vec(any::<bool>(), 24),
            polls in prop::collection::vec((0_usize..20, 1_usize..4), 0..8),
        ) {
            let mut history = History::new();
            history.send(0..24, None).acknowledge(0..24, 0);
            history.recorder.assigned(COMMITTED, 0, 0, 1);
            let (mut position, mut wrong) = (0, 0);
            for &(base, count) in &polls {
                let ids: Vec<u32> = (base as u32..(base + count) as u32).collect();
                history.poll(COMMITTED, base as i64, &ids);
                let skipped = (position..base).any(|offset| there[offset]);
                wrong += u64::from(base < position) + u64::from(skipped);
                position = position.max(base + count);
            }
            let batches: Vec<(i64, Vec<u32>)> = (0..24_u32)
                .filter(|&offset| there[offset as usize])
                .map(|offset| (i64::from(offset), vec![offset]))
                .collect();
            let batches: Vec<(i64, &[u32])> =
                batches.iter().map(|(base, ids)| (*base, ids.as_slice())).collect();
            history.audit(&batches);
            prop_assert_eq!(history.judge(Claim::PollInOrder).violations, wrong);
        }
    }

    fn five_records() -> History {
        let mut history = History::new();
        history.send(0..5, None).acknowledge(0..5, 0);
        history.recorder.assigned(COMMITTED, 0, 0, 1);
        history
    }

    #[test]
    fn rejects_a_skipped_record() {
        let mut history = five_records();
        history.poll(COMMITTED, 0, &[0, 1]).poll(COMMITTED, 3, &[3, 4]);
        history.audit(&[(0, &[0, 1, 2, 3, 4])]);
        let finding = history.judge(Claim::PollInOrder);
        assert_eq!((finding.verdict, finding.violations), (Verdict::Fail, 1));
        assert_eq!(finding.evidence[0].anomaly, Anomaly::SkippedPoll);
        assert_eq!(finding.evidence[0].offset, Some(2));
    }

    #[test]
    fn rejects_a_start_past_the_declared_one() {
        let mut history = five_records();
        history.poll(COMMITTED, 1, &[1]).audit(&[(0, &[0, 1, 2, 3, 4])]);
        assert_eq!(history.judge(Claim::PollInOrder).verdict, Verdict::Fail);
    }

    #[test]
    fn rejects_going_back_within_an_assignment() {
        let mut history = five_records();
        history.poll(COMMITTED, 0, &[0, 1, 2]).poll(COMMITTED, 1, &[1, 2]);
        history.audit(&[(0, &[0, 1, 2, 3, 4])]);
        let finding = history.judge(Claim::PollInOrder);
        assert_eq!(finding.evidence[0].anomaly, Anomaly::WentBack);
        assert_eq!(finding.violations, 1);
    }

    #[test]
    fn accepts_a_gap_that_holds_a_marker() {
        let mut history = five_records();
        history.poll(COMMITTED, 0, &[0, 1]).poll(COMMITTED, 3, &[2, 3]);
        history.audit(&[(0, &[0, 1]), (3, &[2, 3])]);
        assert_eq!(history.judge(Claim::PollInOrder).verdict, Verdict::Pass);
    }

    #[test]
    fn accepts_going_back_by_a_new_assignment_or_a_declared_seek() {
        let mut history = five_records();
        history.poll(COMMITTED, 0, &[0, 1, 2]);
        history.recorder.position_reset(COMMITTED, 0, 1, 9);
        history.poll(COMMITTED, 1, &[1, 2]);
        history.recorder.revoked(COMMITTED, 0, 10);
        history.recorder.assigned(COMMITTED, 0, 0, 11);
        history.poll(COMMITTED, 0, &[0]).audit(&[(0, &[0, 1, 2, 3, 4])]);
        assert_eq!(history.judge(Claim::PollInOrder).verdict, Verdict::Pass);
    }
}
