//! Elections that nobody's coming or going causes: by request, and from time to time.

use alloc::vec::Vec;

use super::partition_change::Election;
use super::{Controller, Decision};
use crate::protocol::ErrorCode;
use crate::protocol::controller::{ElectLeadersRequest, ElectionType};
use crate::records::MetadataRecord;
use crate::rules::Rules;
use crate::types::{Duration, MILLISECOND};

/// Most changes of one round of preferred or unclean elections. Source: Kafka,
/// `MAX_ELECTIONS_PER_IMBALANCE`.
const ROUND_MAX: usize = 1_000;
/// After a round with so many changes the next one does not wait for its interval. Source: Kafka,
/// `PeriodicTask.DEFAULT_IMMEDIATE_PERIOD_NS`.
const NEXT_ROUND_WAIT: Duration = 10 * MILLISECOND;

/// How long the next round of elections waits after one with so many changes.
pub(super) const fn round_wait(changes: usize, interval: Duration) -> Duration {
    if changes >= ROUND_MAX { NEXT_ROUND_WAIT } else { interval }
}

impl Controller {
    /// `ElectLeaders` (KIP-460).
    pub(super) fn decide_election(
        &self,
        request: &ElectLeadersRequest,
        rules: &Rules,
    ) -> Result<Decision<()>, ErrorCode> {
        let old =
            self.image.partition(request.partition).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        let (election, needed, otherwise) = match request.election {
            ElectionType::Preferred => (
                Election::Preferred,
                old.leader != old.replicas.first().copied(),
                ErrorCode::PreferredLeaderNotAvailable,
            ),
            ElectionType::Unclean => {
                (Election::Unclean, old.leader.is_none(), ErrorCode::EligibleLeadersNotAvailable)
            }
        };
        if !needed {
            return Err(ErrorCode::ElectionNotNeeded);
        }
        let change = self.change(old).election(election);
        let new = change.build(&|r| self.image.may_lead(old, r), rules).ok_or(otherwise)?;
        Ok(Decision { records: [MetadataRecord::of_partition(new)].into(), answer: () })
    }

    /// `auto.leader.rebalance.enable`: gives every preferred replica that may lead its
    /// leadership back. KRaft does not read `leader.imbalance.per.broker.percentage`.
    pub(super) fn decide_rebalance(&self, rules: &Rules) -> Vec<MetadataRecord> {
        let imbalanced =
            self.image.partitions().filter(|p| p.leader != p.replicas.first().copied());
        imbalanced
            .filter_map(|p| {
                let change = self.change(p).election(Election::Preferred);
                change.build(&|r| self.image.may_lead(p, r), rules)
            })
            .take(ROUND_MAX)
            .map(MetadataRecord::of_partition)
            .collect()
    }

    /// Leaderless partitions of topics that came to allow unclean election meanwhile.
    pub(super) fn decide_unclean_round(&self, rules: &Rules) -> Vec<MetadataRecord> {
        let leaderless = self.image.partitions().filter(|p| p.leader.is_none());
        leaderless
            .filter(|p| self.unclean_election_enabled(p.topic))
            .filter_map(|p| {
                let change = self.change(p).election(Election::Unclean);
                change.build(&|r| self.image.may_lead(p, r), rules)
            })
            .take(ROUND_MAX)
            .map(MetadataRecord::of_partition)
            .collect()
    }
}
