//! What a log holds after its broker was stopped.

use super::Log;
use super::segment::Segment;
use crate::records::Batches;
use crate::types::Offset;

impl Log {
    /// After an orderly stop: everything is durable and checkpointed. Of each producer only
    /// the last batch is known, as after every restart.
    pub fn after_clean_stop(&mut self, batches: &Batches) {
        self.recovery_point = self.log_end;
        self.checkpoint_recovery_point();
        self.start_checkpoint = self.log_start;
        self.take_snapshot();
        self.reopen(batches);
    }

    /// After a kill of the process: the page cache survives, but not what was in memory only,
    /// such as a log start offset or a recovery point that was not yet in its checkpoint.
    /// Source: Kafka, `LogLoader.recoverLog`.
    pub fn after_kill(&mut self, batches: &Batches) {
        self.recovery_point = self.recovery_checkpoint;
        self.reopen(batches);
    }

    /// After a power cut: only bytes before `durable_end` survive; a batch that is not whole
    /// is a torn tail and goes too.
    pub fn recover(&mut self, durable_end: Offset, batches: &Batches) {
        self.forget_log_start();
        self.truncate_to(durable_end.max(self.segments[0].base_offset), batches);
        self.recovery_point = self.recovery_checkpoint;
        self.reopen(batches);
    }

    /// Bytes of the segments that a recovery reads: those that hold something behind the
    /// recovery point. None after a clean stop.
    #[must_use]
    pub fn recovery_bytes(&self) -> u64 {
        if self.recovery_point >= self.log_end {
            return 0;
        }
        self.recovered_segments().iter().map(|s| s.bytes).sum()
    }

    fn recovered_segments(&self) -> &[Segment] {
        let after = self.segments.partition_point(|s| s.base_offset <= self.recovery_point);
        &self.segments[after.saturating_sub(1)..]
    }

    /// The first batch that a recovery finds spoiled, in the segments that it reads.
    #[must_use]
    pub fn spoiled_in_recovery(&self, batches: &Batches) -> Option<Offset> {
        if !batches.any_spoiled() || self.recovery_point >= self.log_end {
            return None;
        }
        let first = self.recovered_segments().first()?.first_entry;
        let spoiled = self.entries[first..].iter().find(|e| batches.is_spoiled(e.batch));
        spoiled.map(|entry| entry.base_offset)
    }

    /// Bit rot: the batch that holds an offset, or the next one, is spoiled in this log. Returns
    /// where it begins, `None` if there is none.
    pub fn spoil(&mut self, offset: Offset, batches: &mut Batches) -> Option<Offset> {
        let index = self.index_of(offset);
        let entry = self.entries.get_mut(index)?;
        entry.batch = batches.push_spoiled(entry.batch);
        Some(entry.base_offset)
    }

    fn forget_log_start(&mut self) {
        self.log_start = self.start_checkpoint.max(self.segments[0].base_offset);
    }

    fn reopen(&mut self, batches: &Batches) {
        self.forget_log_start();
        self.log_start = self.log_start.min(self.log_end);
        self.rebuild_producers(batches);
        self.producers.keep_last_only();
    }
}
