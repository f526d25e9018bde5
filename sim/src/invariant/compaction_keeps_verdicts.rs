//! What a cleaning leaves of a transaction has the verdict that it had: nothing that was aborted
//! comes alive, nothing that was committed is skipped.
//!
//! Source: KIP-98; KAFKA-13727 (a marker of an abort that went before its records).

use broker_model::log::Log;
use broker_model::note::Note;
use broker_model::records::LogEntry;
use broker_model::types::Offset;

use super::cleaning::Cleaning;
use super::{Interest, Invariant, View};

/// See the module.
#[derive(Debug)]
pub(super) struct CompactionKeepsVerdicts;

/// Whether a reader of committed records skips an entry: what the log tells him of its range.
fn is_skipped(log: &Log, cleaning: &Cleaning<'_>, entry: &LogEntry) -> bool {
    let producer_id = cleaning.batches.get(entry.batch).producer_id;
    let told = log.aborted_transactions(entry.base_offset, cleaning.end(entry));
    told.iter().any(|t| t.producer_id == producer_id && t.first_offset <= entry.base_offset)
}

/// The first entry that has another verdict than before, and what that was.
fn changed(cleaning: &Cleaning<'_>, skipped: impl Fn(&LogEntry) -> bool) -> Option<(Offset, bool)> {
    let aborted = cleaning.aborted();
    let before = cleaning.before.iter().zip(aborted);
    let mut left = before.filter_map(|(entry, aborted)| {
        let body = cleaning.batches.get(entry.batch);
        let now =
            cleaning.now_at(entry.base_offset).filter(|_| body.transactional && !body.control)?;
        (!cleaning.batches.is_emptied(now.batch)).then_some((now, aborted))
    });
    let (entry, aborted) = left.find(|(entry, aborted)| skipped(entry) != *aborted)?;
    Some((entry.base_offset, aborted))
}

impl Invariant for CompactionKeepsVerdicts {
    fn name(&self) -> &'static str {
        "compaction-keeps-verdicts"
    }

    fn interests(&self) -> &'static [Interest] {
        &[Interest::Compacted]
    }

    fn on_note(&mut self, view: &View<'_>, note: &Note) -> Option<String> {
        let (node, partition, log, cleaning) = Cleaning::of(view, note)?;
        let (offset, aborted) = changed(&cleaning, |entry| is_skipped(log, &cleaning, entry))?;
        let was = if aborted { "aborted" } else { "committed" };
        Some(format!(
            "broker {node} cleaned partition {partition}: the batch at offset {offset} was {was} \
             before, and is not any more",
            partition = view.partition(partition)
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::super::cleaning::tests::Bench;
    use super::changed;

    #[test]
    fn rejects_an_aborted_batch_that_is_read_and_a_committed_one_that_is_skipped() {
        let mut b = Bench::default();
        let (data, abort) = (b.transactional(0, 1, 7), b.marker(1, 7, false));
        assert_eq!(
            changed(&b.cleaning(&[data, abort], &[data]), |_| false),
            Some((data.base_offset, true))
        );
        let (data, commit) = (b.transactional(2, 1, 7), b.marker(3, 7, true));
        assert!(changed(&b.cleaning(&[data, commit], &[data]), |_| true).is_some());
    }

    #[test]
    fn accepts_an_aborted_batch_that_is_gone_or_is_skipped_still() {
        let mut b = Bench::default();
        let (data, abort) = (b.transactional(0, 1, 7), b.marker(1, 7, false));
        assert_eq!(changed(&b.cleaning(&[data, abort], &[abort]), |_| false), None);
        assert_eq!(changed(&b.cleaning(&[data, abort], &[data, abort]), |_| true), None);
        let (data, abort) = (b.transactional(2, 1, 7), b.marker(3, 7, false));
        let (abort, commit) = (b.emptied(abort), b.marker(4, 7, true));
        assert_eq!(
            changed(&b.cleaning(&[data, abort, commit], &[data, commit]), |_| false),
            None,
            "what is left of a marker says nothing, so the next one ended it before as now"
        );
        let plain = b.keyed(4, 1);
        assert_eq!(changed(&b.cleaning(&[plain], &[plain]), |_| true), None);
    }
}
