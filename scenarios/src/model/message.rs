//! Kinds of messages, as faults name them.

/// A kind of message between two processes: a request, or the answer to one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MessageKind {
    /// Which request.
    pub api: Api,
    /// The answer to it.
    pub answer: bool,
}

/// Requests whose messages a fault can tell apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Api {
    /// `produce`.
    Produce,
    /// `fetch`, of followers and consumers.
    Fetch,
    /// `offset-for-leader-epoch`.
    OffsetForLeaderEpoch,
    /// `alter-partition`: a leader asks for another ISR.
    AlterPartition,
    /// `metadata-fetch`: a broker reads the metadata log.
    MetadataFetch,
    /// `broker-heartbeat`.
    BrokerHeartbeat,
    /// `offset-commit`.
    OffsetCommit,
    /// `end-txn`.
    EndTxn,
    /// `write-txn-markers`.
    WriteTxnMarkers,
    /// `init-producer-id`.
    InitProducerId,
    /// `add-partitions-to-txn`, of clients and of leaders that verify.
    AddPartitionsToTxn,
    /// `txn-offset-commit`.
    TxnOffsetCommit,
    /// `join-group`, of the classic protocol.
    JoinGroup,
    /// `sync-group`, of the classic protocol.
    SyncGroup,
    /// `consumer-group-heartbeat`, of KIP-848.
    ConsumerGroupHeartbeat,
}

const APIS: &[(&str, Api)] = &[
    ("produce", Api::Produce),
    ("fetch", Api::Fetch),
    ("offset-for-leader-epoch", Api::OffsetForLeaderEpoch),
    ("alter-partition", Api::AlterPartition),
    ("metadata-fetch", Api::MetadataFetch),
    ("broker-heartbeat", Api::BrokerHeartbeat),
    ("offset-commit", Api::OffsetCommit),
    ("end-txn", Api::EndTxn),
    ("write-txn-markers", Api::WriteTxnMarkers),
    ("init-producer-id", Api::InitProducerId),
    ("add-partitions-to-txn", Api::AddPartitionsToTxn),
    ("txn-offset-commit", Api::TxnOffsetCommit),
    ("join-group", Api::JoinGroup),
    ("sync-group", Api::SyncGroup),
    ("consumer-group-heartbeat", Api::ConsumerGroupHeartbeat),
];

const ANSWER: &str = "-answer";

impl MessageKind {
    /// By its name in files.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let (request, answer) = match name.strip_suffix(ANSWER) {
            Some(request) => (request, true),
            None => (name, false),
        };
        let found = APIS.iter().find(|(known, _)| *known == request);
        found.map(|&(_, api)| Self { api, answer })
    }

    /// Its name in files and reports.
    ///
    /// # Panics
    /// Never: every request is in the table.
    #[must_use]
    pub fn name(self) -> String {
        let found = APIS.iter().find(|(_, api)| *api == self.api);
        let (name, _) = found.expect("every request is in the table");
        format!("{name}{}", if self.answer { ANSWER } else { "" })
    }

    /// Every request.
    pub fn apis() -> impl Iterator<Item = Api> + Clone {
        APIS.iter().map(|(_, api)| *api)
    }

    /// The names of all requests.
    pub fn requests() -> impl Iterator<Item = &'static str> + Clone {
        APIS.iter().map(|(name, _)| *name)
    }
}

#[cfg(test)]
mod tests {
    use super::MessageKind;

    #[test]
    fn names_are_read_and_written() {
        for request in MessageKind::requests() {
            for name in [request.to_owned(), format!("{request}-answer")] {
                assert_eq!(MessageKind::from_name(&name).map(MessageKind::name), Some(name));
            }
        }
        assert_eq!(MessageKind::from_name("fetch-answer-answer"), None);
        assert_eq!(MessageKind::from_name("gossip"), None);
    }
}
