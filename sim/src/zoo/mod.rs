//! The zoo: published bugs that generic search has to find again (`docs/zoo.md`).
//!
//! An entry says which rule or configuration brings its bug back, in which universe of
//! `scenarios/search/` it is looked for, and what tells that it was found. Nothing in it tells the
//! search where to look.

mod entries;

pub use entries::ALL;

use reports::checker::Anomaly;
use reports::summary::Summary;

/// A published bug.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// A short name, of the number under which the bug is known.
    pub id: &'static str,
    /// What goes wrong, in a sentence without a final period.
    pub title: &'static str,
    /// Where it is published.
    pub source: &'static str,
    /// How it comes into a run.
    pub kind: Kind,
    /// Where it is looked for.
    pub universe: Universe,
    /// What is set on the universe: paths and values as for `--set`. Without it the universe is the
    /// control. A rule of the entry's own stands first, before later rules that would hide it.
    pub set: &'static [(&'static str, &'static str)],
    /// What a run must show to have found it: one of these.
    pub seen: &'static [Anomaly],
    /// How it is today.
    pub today: Today,
}

/// How a bug comes into a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A rule decides as it did then, and what comes of it depends on the schedule.
    ReEnacted,
    /// A rule contains the whole bug: what is found is the harm, not the way to it.
    Injected,
    /// Keys of Kafka's that anybody may set.
    Configuration,
    /// What clients and applications do, against brokers that are as they should be.
    ClientBehaviour,
}

impl Kind {
    /// Its name in lists and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReEnacted => "re-enacted",
            Self::Injected => "injected",
            Self::Configuration => "configuration",
            Self::ClientBehaviour => "client behaviour",
        }
    }
}

/// A scenario of `scenarios/search/`, made for an area and for no bug.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Universe {
    /// Logs, replication and controllers.
    Replication,
    /// Transactions and their coordinators.
    ExactlyOnce,
    /// Consumer groups of both protocols.
    Membership,
    /// Compaction of what transactions write.
    Cleaning,
    /// Logs whose old records are deleted.
    Retention,
    /// A group with nothing to do for a minute.
    Idle,
    /// Many partitions, and transactional ids that are gone with their process.
    Wide,
}

impl Universe {
    /// All there are.
    pub const ALL: &'static [Self] = &[
        Self::Replication,
        Self::ExactlyOnce,
        Self::Membership,
        Self::Cleaning,
        Self::Retention,
        Self::Idle,
        Self::Wide,
    ];

    /// The file's name in `scenarios/search/`.
    #[must_use]
    pub const fn file(self) -> &'static str {
        match self {
            Self::Replication => "replication.toml",
            Self::ExactlyOnce => "exactly-once.toml",
            Self::Membership => "membership.toml",
            Self::Cleaning => "cleaning.toml",
            Self::Retention => "retention.toml",
            Self::Idle => "idle.toml",
            Self::Wide => "wide.toml",
        }
    }
}

/// How a bug is today.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Today {
    /// This rule stands against it.
    Mended(&'static str),
    /// It is there, by default; its universe does not look.
    Open(&'static str),
    /// It is there for whoever sets it so.
    Chosen(&'static str),
}

impl Today {
    /// In words, without a final period.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Mended(words) | Self::Open(words) | Self::Chosen(words) => words,
        }
    }

    /// Its name in lists.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mended(_) => "mended",
            Self::Open(_) => "open",
            Self::Chosen(_) => "chosen",
        }
    }
}

impl Entry {
    /// The entry of this id.
    #[must_use]
    pub fn of_id(id: &str) -> Option<&'static Self> {
        ALL.iter().copied().flatten().find(|entry| entry.id == id)
    }

    /// Every entry, area by area.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        ALL.iter().copied().flatten()
    }

    /// What a run shows of it, if it was found.
    #[must_use]
    pub fn found_in(&self, summary: &Summary) -> Option<Anomaly> {
        summary.anomalies.iter().copied().find(|anomaly| self.seen.contains(anomaly))
    }

    /// The rule of `[protocol]` that is the entry's own, if it is one.
    #[must_use]
    pub fn rule(&self) -> Option<&'static str> {
        self.set.first()?.0.strip_prefix("protocol.")
    }

    /// What is set, as the command line has it.
    #[must_use]
    pub fn flags(&self) -> Vec<(String, String)> {
        self.set.iter().map(|(path, value)| ((*path).to_owned(), (*value).to_owned())).collect()
    }
}
