//! Transactions as their producers saw them, with counters instead of records.

/// How a transaction ended for its producer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Not ended yet, or never.
    Open,
    /// `commitTransaction` returned.
    Committed,
    /// `abortTransaction` returned, or the commit failed for certain, or the producer died before
    /// it asked for a commit.
    Aborted,
    /// The producer died behind its commit, or the answer never came: it may have committed or not.
    Unknown,
}

/// One transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transaction {
    /// The producer session.
    pub session: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// When it began, simulated ns.
    pub begun_ns: u64,
    /// When it ended, simulated ns; 0 before.
    pub ended_ns: u64,
    /// Records acknowledged within it.
    pub acknowledged: u32,
    /// Records of it that the audit found.
    pub audited: u32,
    /// Records of it that were acknowledged and found.
    pub audited_acknowledged: u32,
    /// The first record of it that a read_committed consumer was given.
    pub first_read: Option<Read>,
    /// Whether a read_committed consumer was given a record of it: it was committed.
    pub seen_committed: bool,
}

/// A record as a consumer was given it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Read {
    /// The record.
    pub record: u32,
    /// From this partition.
    pub partition: u32,
    /// At this offset.
    pub offset: i64,
    /// By this consumer.
    pub consumer: u32,
    /// At this instant, simulated ns.
    pub at_ns: u64,
}

/// All of them, by number in order of their begin.
#[derive(Clone, Debug, Default)]
pub struct Transactions {
    all: Vec<Transaction>,
}

impl Transactions {
    pub(super) fn begin(&mut self, session: u32, at_ns: u64) -> u32 {
        self.all.push(Transaction {
            session,
            outcome: Outcome::Open,
            begun_ns: at_ns,
            ended_ns: 0,
            acknowledged: 0,
            audited: 0,
            audited_acknowledged: 0,
            first_read: None,
            seen_committed: false,
        });
        u32::try_from(self.all.len() - 1).expect("fewer transactions than records")
    }

    pub(super) fn end(&mut self, number: u32, outcome: Outcome, at_ns: u64) {
        let transaction = &mut self.all[number as usize];
        let before = transaction.outcome;
        assert!(
            matches!(before, Outcome::Open | Outcome::Unknown),
            "transaction {number} ended as {before:?} and again as {outcome:?}"
        );
        transaction.outcome = outcome;
        transaction.ended_ns = at_ns;
    }

    #[inline]
    pub(super) fn get_mut(&mut self, number: u32) -> &mut Transaction {
        &mut self.all[number as usize]
    }

    /// A transaction by number. Panics on one never begun: a bug in the caller.
    #[must_use]
    #[inline]
    pub fn get(&self, number: u32) -> &Transaction {
        &self.all[number as usize]
    }

    /// All of them with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Transaction)> {
        (0..).zip(&self.all)
    }
}
