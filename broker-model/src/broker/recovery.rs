//! What a process does about the logs of the one before, if that ended out of order.

use super::Broker;
use super::lifecycle::Phase;
use crate::io::{Context, Output};
use crate::note::Note;
use crate::partition::Cut;
use crate::types::BrokerEpoch;

impl Broker {
    /// Kafka's broker registers first and recovers its logs, still fenced, before it takes in any
    /// metadata.
    pub(super) fn recover_logs(&mut self, cx: &mut Context<'_>) {
        if !self.life.recovered {
            // Whoever loads logs deletes the file that calls them whole.
            self.life.previous_epoch = BrokerEpoch(-1);
        }
        let bytes = self.replicas.iter().map(|(_, r)| r.log().recovery_bytes()).sum();
        if self.life.recovered || bytes == 0 {
            return self.recovered(cx);
        }
        let directories = self.replicas.directories.online_count();
        let threads = self.config.num_recovery_threads_per_data_dir.saturating_mul(directories);
        cx.outputs.push(Output::Recover { bytes, threads });
    }

    /// The logs are whole: the broker follows the metadata log.
    pub(super) fn recovered(&mut self, cx: &mut Context<'_>) {
        self.cut_spoiled(cx);
        if !self.life.recovered {
            self.begin_log_tasks(cx.now.instant);
        }
        self.life.recovered = true;
        if self.life.phase != Phase::Registering {
            self.fetch_metadata(cx);
        }
    }

    /// What a recovery reads it checks, and cuts a log at the first batch that does not match its
    /// checksum, whatever comes behind. Source: Kafka, `LogLoader.recoverLog`.
    fn cut_spoiled(&mut self, cx: &mut Context<'_>) {
        if !cx.batches.any_spoiled() || self.life.recovered {
            return;
        }
        for (partition, hosted) in self.replicas.iter_mut() {
            let Some(at) = hosted.replica.log().spoiled_in_recovery(cx.batches) else { continue };
            if let Some(Cut { end, from, .. }) = hosted.replica.truncate(at, cx.batches) {
                cx.outputs.push(Output::Cut { partition, end });
                cx.note(Note::CorruptTail { node: self.node, partition, end, from });
            }
        }
    }
}
