//! The versions of each request that a broker of Kafka 4.1 takes.

use super::ApiKey;
use crate::types::Release;

/// A request that a broker takes from clients.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ApiVersion {
    /// `api_key` on the wire.
    pub key: i16,
    /// Kafka's name in capitals.
    pub name: &'static str,
    /// The oldest version it takes (KIP-896 dropped older ones).
    pub min: i16,
    /// The newest stable version.
    pub max: i16,
}

const fn api(key: i16, name: &'static str, min: i16, max: i16) -> ApiVersion {
    ApiVersion { key, name, min, max }
}

/// `ApiVersions`: its own unknown versions are answered, with `UNSUPPORTED_VERSION` (KIP-511).
pub const API_VERSIONS: i16 = 18;

/// All of them in order of key, as `ApiVersions` tells. Source: protocol guide; a fresh cluster.
pub const BROKER_APIS: &[ApiVersion] = &[
    api(0, "PRODUCE", 0, 13),
    api(1, "FETCH", 4, 18),
    api(2, "LIST_OFFSETS", 1, 10),
    api(3, "METADATA", 0, 13),
    api(8, "OFFSET_COMMIT", 2, 9),
    api(9, "OFFSET_FETCH", 1, 9),
    api(10, "FIND_COORDINATOR", 0, 6),
    api(11, "JOIN_GROUP", 0, 9),
    api(12, "HEARTBEAT", 0, 4),
    api(13, "LEAVE_GROUP", 0, 5),
    api(14, "SYNC_GROUP", 0, 5),
    api(15, "DESCRIBE_GROUPS", 0, 6),
    api(16, "LIST_GROUPS", 0, 5),
    api(17, "SASL_HANDSHAKE", 0, 1),
    api(18, "API_VERSIONS", 0, 4),
    api(19, "CREATE_TOPICS", 2, 7),
    api(20, "DELETE_TOPICS", 1, 6),
    api(21, "DELETE_RECORDS", 0, 2),
    api(22, "INIT_PRODUCER_ID", 0, 5),
    api(23, "OFFSET_FOR_LEADER_EPOCH", 2, 4),
    api(24, "ADD_PARTITIONS_TO_TXN", 0, 5),
    api(25, "ADD_OFFSETS_TO_TXN", 0, 4),
    api(26, "END_TXN", 0, 5),
    api(27, "WRITE_TXN_MARKERS", 1, 1),
    api(28, "TXN_OFFSET_COMMIT", 0, 5),
    api(29, "DESCRIBE_ACLS", 1, 3),
    api(30, "CREATE_ACLS", 1, 3),
    api(31, "DELETE_ACLS", 1, 3),
    api(32, "DESCRIBE_CONFIGS", 1, 4),
    api(33, "ALTER_CONFIGS", 0, 2),
    api(34, "ALTER_REPLICA_LOG_DIRS", 1, 2),
    api(35, "DESCRIBE_LOG_DIRS", 1, 4),
    api(36, "SASL_AUTHENTICATE", 0, 2),
    api(37, "CREATE_PARTITIONS", 0, 3),
    api(38, "CREATE_DELEGATION_TOKEN", 1, 3),
    api(39, "RENEW_DELEGATION_TOKEN", 1, 2),
    api(40, "EXPIRE_DELEGATION_TOKEN", 1, 2),
    api(41, "DESCRIBE_DELEGATION_TOKEN", 1, 3),
    api(42, "DELETE_GROUPS", 0, 2),
    api(43, "ELECT_LEADERS", 0, 2),
    api(44, "INCREMENTAL_ALTER_CONFIGS", 0, 1),
    api(45, "ALTER_PARTITION_REASSIGNMENTS", 0, 1),
    api(46, "LIST_PARTITION_REASSIGNMENTS", 0, 0),
    api(47, "OFFSET_DELETE", 0, 0),
    api(48, "DESCRIBE_CLIENT_QUOTAS", 0, 1),
    api(49, "ALTER_CLIENT_QUOTAS", 0, 1),
    api(50, "DESCRIBE_USER_SCRAM_CREDENTIALS", 0, 0),
    api(51, "ALTER_USER_SCRAM_CREDENTIALS", 0, 0),
    api(55, "DESCRIBE_QUORUM", 0, 2),
    api(57, "UPDATE_FEATURES", 0, 2),
    api(60, "DESCRIBE_CLUSTER", 0, 2),
    api(61, "DESCRIBE_PRODUCERS", 0, 0),
    api(64, "UNREGISTER_BROKER", 0, 0),
    api(65, "DESCRIBE_TRANSACTIONS", 0, 0),
    api(66, "LIST_TRANSACTIONS", 0, 2),
    api(68, "CONSUMER_GROUP_HEARTBEAT", 0, 1),
    api(69, "CONSUMER_GROUP_DESCRIBE", 0, 1),
    api(74, "LIST_CONFIG_RESOURCES", 0, 1),
    api(75, "DESCRIBE_TOPIC_PARTITIONS", 0, 0),
    api(76, "SHARE_GROUP_HEARTBEAT", 1, 1),
    api(77, "SHARE_GROUP_DESCRIBE", 1, 1),
    api(78, "SHARE_FETCH", 1, 1),
    api(79, "SHARE_ACKNOWLEDGE", 1, 1),
    api(80, "ADD_RAFT_VOTER", 0, 0),
    api(81, "REMOVE_RAFT_VOTER", 0, 0),
    api(83, "INITIALIZE_SHARE_GROUP_STATE", 0, 0),
    api(84, "READ_SHARE_GROUP_STATE", 0, 0),
    api(85, "WRITE_SHARE_GROUP_STATE", 0, 0),
    api(86, "DELETE_SHARE_GROUP_STATE", 0, 0),
    api(87, "READ_SHARE_GROUP_STATE_SUMMARY", 0, 0),
    api(90, "DESCRIBE_SHARE_GROUP_OFFSETS", 0, 0),
    api(91, "ALTER_SHARE_GROUP_OFFSETS", 0, 0),
    api(92, "DELETE_SHARE_GROUP_OFFSETS", 0, 0),
];

/// Whether a broker takes this request. Of any other it closes the connection.
#[must_use]
pub fn is_supported(key: i16, version: i16) -> bool {
    let found = BROKER_APIS.binary_search_by_key(&key, |api| api.key);
    found.is_ok_and(|i| (BROKER_APIS[i].min..=BROKER_APIS[i].max).contains(&version))
}

/// Whether a broker with `unstable.api.versions.enable` takes this request besides. Of those the
/// model speaks `InitProducerId` 6 only. Source: `latestVersionUnstable` in Kafka's messages.
#[must_use]
pub const fn is_unstable(key: i16, version: i16) -> bool {
    key == 22 && version == 6
}

impl ApiKey {
    /// The newest version that brokers of a release take, where that is below what the newest
    /// release takes: clients speak what both sides know (KIP-35). Source: protocol guides.
    #[must_use]
    pub const fn newest_of(self, release: Release) -> i16 {
        match (release, self) {
            (Release::V3_9, Self::Produce) => 11,
            (Release::V4_0, Self::Produce) => 12,
            (Release::V3_9 | Release::V4_0, Self::Fetch) => 17,
            (Release::V3_9, Self::ListOffsets) => 9,
            (Release::V3_9, Self::Metadata) => 12,
            (Release::V3_9, Self::EndTxn | Self::TxnOffsetCommit) => 4,
            _ => i16::MAX,
        }
    }

    /// `api_key` on the wire; `None` for what only brokers and controllers send.
    #[must_use]
    pub const fn wire_key(self) -> Option<i16> {
        Some(match self {
            Self::Produce => 0,
            Self::Fetch => 1,
            Self::ListOffsets => 2,
            Self::Metadata => 3,
            Self::OffsetCommit => 8,
            Self::OffsetFetch => 9,
            Self::FindCoordinator => 10,
            Self::JoinGroup => 11,
            Self::Heartbeat => 12,
            Self::LeaveGroup => 13,
            Self::SyncGroup => 14,
            Self::DescribeGroups => 15,
            Self::ListGroups => 16,
            Self::CreateTopics => 19,
            Self::DeleteTopics => 20,
            Self::DeleteRecords => 21,
            Self::InitProducerId => 22,
            Self::OffsetForLeaderEpoch => 23,
            Self::AddPartitionsToTxn => 24,
            Self::AddOffsetsToTxn => 25,
            Self::EndTxn => 26,
            Self::WriteTxnMarkers => 27,
            Self::TxnOffsetCommit => 28,
            Self::CreatePartitions => 37,
            Self::DeleteGroups => 42,
            Self::ElectLeaders => 43,
            Self::IncrementalAlterConfigs => 44,
            Self::AlterPartitionReassignments => 45,
            Self::OffsetDelete => 47,
            Self::AlterClientQuotas => 49,
            Self::DescribeProducers => 61,
            Self::DescribeTransactions => 65,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_knows_its_bounds() {
        assert!(BROKER_APIS.windows(2).all(|w| w[0].key < w[1].key));
        assert!(BROKER_APIS.iter().all(|api| api.min <= api.max));
        assert!(is_supported(1, 4) && !is_supported(1, 3) && !is_supported(1, 99));
        assert!(!is_supported(999, 0));
        assert!(is_supported(API_VERSIONS, 0));
        for key in ApiKey::ALL.iter().filter_map(|key| key.wire_key()) {
            assert!(BROKER_APIS.iter().any(|api| api.key == key), "{key}");
        }
    }
}
