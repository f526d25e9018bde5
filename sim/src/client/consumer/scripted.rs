//! What a dialogue needs of a consumer beyond an application: finer steps and a look inside.

use broker_model::types::{GroupId, LeaderEpoch, NodeId, Offset, PartitionId};

use super::Consumer;
use super::config::ConsumerConfig;
use super::event::Polled;
use super::subscription::Phase;
use crate::client::{ClientContext, ClientMetadata, MetadataConfig};

/// The position of an assigned partition, as a dialogue shows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PositionView {
    /// The next offset, if it is known.
    pub offset: Option<Offset>,
    /// Epoch of the record before it, if known.
    pub offset_epoch: Option<LeaderEpoch>,
    /// What the partition is at.
    pub state: &'static str,
}

impl Consumer {
    /// A consumer whose waits before a repetition have no jitter, as in the recordings.
    pub(crate) fn scripted(
        config: ConsumerConfig,
        group: Option<GroupId>,
        bootstrap: &[NodeId],
    ) -> Self {
        let metadata = MetadataConfig {
            backoff: config.retry_backoff,
            max_age: config.metadata_max_age,
            jitter_seed: None,
        };
        let mut consumer = Self::new(config, group, bootstrap, 0);
        consumer.metadata = ClientMetadata::new(metadata, bootstrap);
        consumer.jitter = false;
        consumer
    }

    /// The second half of a poll without waiting: what has arrived since its first half is given,
    /// and fetching goes on only if a position moved.
    pub(crate) fn finish_poll(&mut self, cx: &mut ClientContext<'_>, out: &mut Polled) {
        out.clear();
        if self.collect(cx, out) {
            self.send_fetches(cx);
        }
        self.polling = false;
        self.set_deadline(cx.now.instant);
    }

    /// A look at a partition.
    pub(crate) fn view(&self, partition: PartitionId) -> Option<PositionView> {
        let assigned = self.subscriptions.get(partition)?;
        let state = match assigned.phase {
            Phase::Initializing => "initializing",
            Phase::AwaitReset(_) => "reset",
            Phase::AwaitValidation => "validating",
            Phase::Fetching if assigned.paused => "paused",
            Phase::Fetching => "fetchable",
        };
        let offset = assigned.position.map(|p| p.offset);
        let offset_epoch = assigned.position.and_then(|p| p.offset_epoch);
        Some(PositionView { offset, offset_epoch, state })
    }

    /// Whether the application has subscribed or assigned anything.
    pub(crate) const fn is_subscribed(&self) -> bool {
        !self.topics.is_empty() || !self.subscriptions.is_empty()
    }
}
