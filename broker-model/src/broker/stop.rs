//! The end of a process, and what it leaves for the next one.

use super::Broker;
use crate::io::StopKind;
use crate::records::Batches;
use crate::types::{Offset, PartitionId};

impl Broker {
    /// Ends the process. Logs keep what survives: everything after a clean stop or a kill, and
    /// after a power cut what `durable` says is on disk (everything where it says nothing).
    /// Memory is gone in any case. The metadata log on disk survives.
    pub fn stop(
        &mut self,
        kind: StopKind,
        durable: &dyn Fn(PartitionId) -> Option<Offset>,
        batches: &Batches,
    ) {
        self.life.stop(kind == StopKind::Clean);
        self.calls.clear();
        self.forwards.clear();
        self.sessions.clear();
        self.acks.clear();
        self.fetchers.clear();
        self.isr.stop();
        self.coordinators.stop(self.node, &self.config);
        self.markers.clear();
        self.verifications.clear();
        self.deletes.clear();
        self.quotas.clear();
        self.replication_throttles.stop();
        self.moved.clear();
        for (partition, hosted) in self.replicas.iter_mut() {
            let end = hosted.replica.log().log_end_offset();
            let durable_end = durable(partition).unwrap_or(end);
            hosted.replica.restart(kind, durable_end, batches);
        }
        self.replicas.stop();
    }
}
